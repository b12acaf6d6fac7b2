"""What docs/plugins.md shows and promises."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.importing import import_path
from voicebot.interfaces import TTS
from voicebot.profile import load_profile, resolve
from voicebot.testing import context
from voicebot.testing.conformance import TTSConformance

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
(CHIME,) = re.findall(r"```python\n# plugins/tts_chime\.py\n(.*?)```", PAGE, re.DOTALL)
PUBLIC = re.findall(r"^\| `(voicebot[\w.]*)` \|", PAGE, re.MULTILINE)


@pytest.fixture(scope="module", autouse=True)
def chime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A profile with the page's plugin beside it."""
    folder = tmp_path_factory.mktemp("chime")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "tts_chime.py").write_text(CHIME)
    (profile,) = re.findall(r"```yaml\n# agent\.yaml[^\n]*\n(.*?)```", PAGE, re.DOTALL)
    (folder / "agent.yaml").write_text(profile)
    TestChime.file = folder / "plugins" / "tts_chime.py"
    yield folder / "agent.yaml"
    for name in [name for name in sys.modules if name.startswith("voicebot_plugin_tts_chime")]:
        del sys.modules[name]


class TestChime(TTSConformance):
    file: Path

    def make(self) -> TTS:
        module = import_path(self.file, "plugin")
        made: TTS = module.ChimeTTS(module.ChimeConfig(), context())
        return made


def test_the_file_is_found_beside_the_profile(chime: Path) -> None:
    section = resolve(load_profile(chime, environ={})).section("tts")
    assert section.info.file == chime.parent / "plugins" / "tts_chime.py"


def test_the_page_lists_public_modules() -> None:
    assert {"voicebot.interfaces", "voicebot.testing.conformance"} <= set(PUBLIC)


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_there_and_documented(module: str) -> None:
    loaded = importlib.import_module(module)
    names = loaded.__all__
    assert len(set(names)) == len(names)
    undocumented = [
        name for name in names if not documented(name, getattr(loaded, name), loaded.__doc__ or "")
    ]
    assert undocumented == []


def documented(name: str, value: object, about: str) -> bool:
    """By a docstring, its own or its base's; errors by the tree at the top of their module. Values are not asked."""
    if not (inspect.isclass(value) or inspect.isfunction(value)) or re.search(rf"\b{name}\b", about):
        return True
    docstring = inspect.getdoc(value) or ""
    return bool(docstring) and not docstring.startswith(f"{name}(")  # that one is the dataclass decorator's


def test_every_package_is_typed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert [package for package in packages if not (ROOT / package / "py.typed").is_file()] == []
