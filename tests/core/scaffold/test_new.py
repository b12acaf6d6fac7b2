"""`voicebot plugins new`."""

from __future__ import annotations

import keyword
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.cli import main
from voicebot.errors import VoicebotError
from voicebot.interfaces import KINDS
from voicebot.scaffold import SCAFFOLDED, check_name, package_files, write_package

ROOT = Path(__file__).parents[3]
LONGEST = "abcdefghijklmnopqrst"


def test_there_is_a_template_for_every_kind() -> None:
    assert set(SCAFFOLDED) == {*KINDS, "hooks"}


@pytest.mark.parametrize("kind", SCAFFOLDED)
def test_a_package_has_all_that_an_author_needs(kind: str) -> None:
    files = package_files(kind, "my_own")
    package = f"voicebot_{kind}_my_own"
    assert {
        ".github/workflows/test.yml",
        ".gitignore",
        "README.md",
        "profile.yaml",
        "pyproject.toml",
        "tests/test_my_own.py",
        f"{package}/__init__.py",
        f"{package}/engine.py",
        f"{package}/provider.py",
        f"{package}/py.typed",
    } <= set(files)
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["name"] == f"voicebot-{kind}-my-own"
    ((name, target),) = project["project"]["entry-points"][f"voicebot.{kind}"].items()
    module, _, class_name = target.partition(":")
    assert (name, module) == ("my_own", package)
    assert f"class {class_name}:" in files[f"{package}/provider.py"]
    assert "api_version = 1" in files[f"{package}/provider.py"]
    assert files["profile.yaml"].strip() in files["README.md"] or kind == "hooks"
    for path, text in files.items():
        left = [
            word for word in ("demo", "Demo", "KIND", "PROVIDER", "ABOUT", "VERSION") if word in text + path
        ]
        assert left == [], path


def test_what_is_written_is_clean_and_typed(tmp_path: Path) -> None:
    for kind in SCAFFOLDED:
        write_package(kind, "xy", tmp_path / "short")
        write_package(kind, f"{kind}_{LONGEST}"[:20], tmp_path / "long")
    folders = sorted(str(folder) for folder in (tmp_path / "long").iterdir())
    ours = "I,UP,B,ASYNC,PERF,RUF,SIM,PT,PTH,N,C4,RET"
    tools = (
        ("ruff", "format", "--check", "."),
        ("ruff", "check", "."),
        ("ruff", "check", "--extend-select", ours, "--ignore", "RUF001", "long"),
        ("mypy", "--strict", "--explicit-package-bases", *folders),
    )
    # What has not changed since the last run, NumPy say, mypy need not read again.
    cache = ROOT / ".mypy_cache" / "scaffold"
    paths = {"MYPYPATH": os.pathsep.join(folders), "RUFF_NO_CACHE": "true", "MYPY_CACHE_DIR": str(cache)}
    for tool in tools:
        command = [sys.executable, "-m", *tool]
        done = subprocess.run(command, cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["ab", "x2", "my_voice", "g711", LONGEST])
def test_names_that_will_do(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("class", "Call it my_class"),
        ("match", "Call it my_match"),
        ("Class", "Call it my_class"),
        ("voice2!", "Call it voice2"),
        ("My-Voice", "Call it my_voice"),
        ("2fast", "Call it fast"),
        ("_hidden", "Call it hidden"),
        ("my__voice", "Call it my_voice"),
        (f"{LONGEST}u", f"Call it {LONGEST},"),
        ("../evil", "Call it evil"),
        ("größe", "Call it gr_e"),
        ("a", "2 to 20 characters"),
        ("", "2 to 20 characters"),
        ("!?", "joined by single underscores."),
    ],
)
def test_names_that_will_not(name: str, said: str) -> None:
    with pytest.raises(VoicebotError) as caught:
        check_name(name)
    assert said in str(caught.value)


@given(st.text(max_size=30) | st.from_regex(r"[A-Za-z0-9_-]{0,25}", fullmatch=True))
def test_what_is_advised_will_do(name: str) -> None:
    try:
        check_name(name)
    except VoicebotError as error:
        for advised in re.findall(r"Call it (\S+), for example", error.hint):
            check_name(advised)
    else:
        assert name.isidentifier()
        assert not keyword.iskeyword(name)


def test_the_command_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "new", "stt", "mine", "--into", str(tmp_path / "new")]) == 0
    said = capsys.readouterr()
    folder = tmp_path / "new" / "voicebot-stt-mine"
    assert said.err == ""
    assert [line.strip() for line in said.out.splitlines()[2:5]] == [
        f"cd {folder}",
        "pip install -e '.[dev]'",
        "pytest",
    ]
    question = said.out.partition("--input ")[2].split()[0]
    assert Path(question).is_file()
    assert (folder / "voicebot_stt_mine" / "py.typed").is_file()


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "voicebot-tts-mine").mkdir()
    assert main(["plugins", "new", "tts", "mine", "--into", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert list((tmp_path / "voicebot-tts-mine").iterdir()) == []


def test_a_place_where_nothing_can_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["plugins", "new", "tts", "mine", "--into", str(tmp_path / "file" / "below")]) == 2
    assert "cannot be written: Not a directory" in capsys.readouterr().err


def test_a_name_that_is_taken_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "new", "turn", "silence", "--into", str(tmp_path)]) == 0
    assert "voicebot-kit 0.1.0 has the turn plugin 'silence'" in capsys.readouterr().err


def test_an_unknown_kind_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "new", "sst", "mine"]) == 2
    assert "there is no kind 'sst' of plugins; did you mean 'stt'?" in capsys.readouterr().err
