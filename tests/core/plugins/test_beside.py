"""Plugins in the folder `plugins` beside a profile."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from voicebot.cli import main
from voicebot.errors import PluginLoadError, PluginNotFound, ProfileError
from voicebot.plugins import create, find_plugin, folder_beside, list_plugins, load
from voicebot.profile import load_profile, resolve
from voicebot.testing import context

Make = Callable[..., Path]

TTS = """
    from __future__ import annotations
    from pydantic import BaseModel, ConfigDict, Field
    from voicebot.interfaces import Capabilities

    class Settings(BaseModel):
        model_config = ConfigDict(extra="forbid")
        pitch: int = Field(default=50, ge=0, le=99, description="How high.")

    class Voice:
        Config = Settings
        capabilities = Capabilities(licence="MIT")
        def __init__(self, config, context):
            self.config = config
        @classmethod
        def required_models(cls, config):
            return ()
        async def warmup(self): ...
        async def synthesize(self, text):
            yield
        async def aclose(self): ...
"""


@pytest.fixture
def folder(profile_file: Path) -> Iterator[Path]:
    folder = profile_file.parent / "plugins"
    folder.mkdir()
    yield folder
    for name in [name for name in sys.modules if name.startswith("voicebot_plugin_")]:
        del sys.modules[name]


def write(folder: Path, name: str, source: str = TTS) -> Path:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(dedent(source))
    return file


def use(profile: Path, name: str, **settings: object) -> None:
    lines = [line for line in profile.read_text().splitlines() if not line.startswith("tts")]
    profile.write_text("\n".join([*lines, f"tts: {json.dumps({'use': name, **settings})}\n"]))


def error(profile: Path) -> str:
    with pytest.raises(ProfileError) as caught:
        resolve(load_profile(profile))
    return str(caught.value)


@pytest.mark.parametrize("name", ["tts_mine.py", "tts_mine/__init__.py"])
def test_a_file_or_a_package_is_a_plugin(profile_file: Path, folder: Path, name: str) -> None:
    write(folder, name)
    use(profile_file, "mine", pitch=70)
    section = resolve(load_profile(profile_file)).section("tts")
    assert section.config.model_dump() == {"pitch": 70}
    assert section.info.origin == f"plugins/{name.split('/')[0]}"
    assert create("tts", section, context()).config is section.config
    assert load(section.info) is section.provider_class  # imported once


def test_a_package_imports_its_own_modules_relatively(profile_file: Path, folder: Path) -> None:
    write(folder, "tts_mine/engine.py")
    write(folder, "tts_mine/__init__.py", "from .engine import Voice")
    use(profile_file, "mine")
    assert resolve(load_profile(profile_file)).section("tts").provider_class.__name__ == "Voice"


def test_its_settings_are_checked_as_any_plugins(profile_file: Path, folder: Path) -> None:
    write(folder, "tts_mine.py")
    use(profile_file, "mine", pitsch=3)
    said = error(profile_file)
    assert "agent.yaml:8: tts.pitsch" in said
    assert "'pitch'" in said


def test_only_the_folder_beside_the_profile_counts(
    profile_file: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the working directory's, nor one beside a profile that is extended."""
    write(folder, "tts_mine.py")
    use(profile_file, "mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    above = elsewhere / "above.yaml"
    above.write_text("extends: ../agent.yaml\n")
    monkeypatch.chdir(tmp_path)
    assert "there is no tts plugin 'mine'" in error(above)


def test_a_name_that_is_installed_too_is_an_error_that_says_what_to_do(
    profile_file: Path, folder: Path
) -> None:
    file = write(folder, "tts_demo.py")
    said = error(profile_file)
    assert "two plugins have this name: demo-plugin 1.0" in said
    assert f"Rename or remove {file}." in said


def test_a_copy_kept_beside_it_is_no_plugin(folder: Path) -> None:
    file = write(folder, "tts_mine.py")
    write(folder, "tts_mine.bak/__init__.py")
    assert find_plugin("tts", "mine", folder).file == file
    assert [info.file for info in list_plugins("tts", folder) if info.file] == [file]


def test_a_file_and_a_package_of_one_name_clash(folder: Path) -> None:
    write(folder, "tts_mine.py")
    write(folder, "tts_mine/__init__.py")
    with pytest.raises(PluginLoadError, match="two plugins have this name"):
        find_plugin("tts", "mine", folder)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "x = 1\n\nimport no_such_engine",
            "ModuleNotFoundError: No module named 'no_such_engine' (tts_mine.py, line 3)",
        ),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit('no')", "SystemExit: no (tts_mine.py, line 1)"),
        ("x = 1", "holds no provider"),
        (dedent(TTS) + "\nclass Other(Settings): ...\nclass _Hidden(Voice): ...\n", ""),
        (dedent(TTS) + "\nclass Other:\n    Config = Settings\n", "several providers (Voice, Other)"),
        (dedent(TTS).replace("async def aclose", "async def close"), "it has no method `aclose`"),
    ],
)
def test_what_is_wrong_with_a_file_names_it(profile_file: Path, folder: Path, source: str, said: str) -> None:
    file = write(folder, "tts_mine.py", source)
    use(profile_file, "mine")
    if not said:
        assert resolve(load_profile(profile_file)).section("tts").provider_class.__name__ == "Voice"
        return
    text = error(profile_file)
    assert "the tts plugin 'mine' of plugins/tts_mine.py" in text
    assert said in text
    assert f"The fault is in {file}: mend it" in text


def test_what_is_no_plugin_is_passed_over(folder: Path) -> None:
    for name in ("tts_.py", "tts_mine.txt", "tts_my-voice.py", "helper.py", "sst_mine.py"):
        write(folder, name)
    (folder / "tts_folder").mkdir()
    assert [info for info in list_plugins(folder=folder) if info.file] == []


def test_an_unknown_name_says_where_it_was_looked_for(folder: Path) -> None:
    write(folder, "tts_mine.py")
    with pytest.raises(PluginNotFound) as caught:
        find_plugin("tts", "mien", folder)
    assert "did you mean 'mine'?" in str(caught.value)
    assert f"There is no tts_mien.py in {folder} either." in str(caught.value)


def test_the_command_line_lists_and_shows_them(
    profile_file: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(folder, "tts_mine.py")
    assert folder_beside(profile_file) == folder
    assert main(["plugins", "list", "--profile", str(profile_file)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["tts", "mine", "plugins/tts_mine.py"] in lines
    assert main(["plugins", "list", "-p", str(profile_file), "--json"]) == 0
    (listed,) = (info for info in json.loads(capsys.readouterr().out) if info["name"] == "mine")
    assert listed["file"] == str(file)
    assert main(["plugins", "show", "mine", "--profile", str(profile_file)]) == 0
    assert "pitch (whole number, ≥ 0, ≤ 99; default 50)" in capsys.readouterr().out
    assert main(["plugins", "show", "mine"]) == 2
