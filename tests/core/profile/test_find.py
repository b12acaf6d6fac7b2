from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.errors import ProfileError
from voicebot.profile import bundled_dir, find_profile, known_profiles


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_bundled_profiles_have_bare_names() -> None:
    assert {"local", "local-piper", "base", "whispercpp"} <= set(known_profiles())
    assert find_profile("local") == find_profile(Path("local")) == bundled_dir() / "local.yaml"


def test_configs_here_hide_bundled_ones(here: Path) -> None:
    (here / "configs").mkdir()
    (here / "configs" / "local.yaml").write_text("vad: silero\n")
    (here / "configs" / "mine.yaml").write_text("vad: silero\n")
    assert find_profile("local") == Path("configs/local.yaml")
    assert find_profile("mine") == Path("configs/mine.yaml")
    assert find_profile("base") == bundled_dir() / "base.yaml"


def test_a_path_is_a_path(here: Path) -> None:
    (here / "local.yaml").write_text("")
    assert find_profile("local.yaml") == Path("local.yaml")
    assert find_profile(here / "local.yaml") == here / "local.yaml"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("lokal", "there is no profile 'lokal'; did you mean 'local'?"),
        ("configs/locl.yaml", "there is no profile file 'configs/locl.yaml'; did you mean 'local'?"),
        ("zzzzzz", "there is no profile 'zzzzzz'\n"),
        ("", "there is no profile"),
        (".", "there is no profile"),
        ("a\0b.yaml", "'a\\x00b.yaml'"),
        ("x" * 5000 + ".yaml", "cannot be read"),
    ],
)
def test_what_is_not_found_lists_what_is(asked: str, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        find_profile(asked)
    assert said in str(caught.value)
    assert "cannot be read" in str(caught.value) or "local, local-piper" in caught.value.hint
