"""Profiles in the documentation are right: a whole one as it is, a part of one on top of `local`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.reading import ROOT, Snippet, snippets

from voicebot.errors import ProfileError
from voicebot.profile import load_profile, resolve
from voicebot.profile.model import Profile

KEYS = {*Profile.model_fields, "extends"}
WHOLE = {"vad", "stt", "llm", "tts", "transport"}
MADE_UP = "chime|my_cloud_plugin|demo"
"""Plugins that pages invent."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `extends: local.yaml` finds it."""
    made = tmp_path_factory.mktemp("profiles")
    for profile in (ROOT / "configs").glob("*.yaml"):
        shutil.copy(profile, made)
    return made


def parts(snippet: Snippet) -> list[str]:
    """A block that writes the same key twice shows several ways: each is a part of its own."""
    keys = re.findall(r"^([a-z_]+):", snippet.text, re.M)
    return [snippet.text] if len(keys) == len(set(keys)) else snippet.text.split("\n\n")


CASES = [
    pytest.param(part, id=f"{snippet}" if len(parts(snippet)) == 1 else f"{snippet}-{number}")
    for snippet in snippets("yaml", "yml")
    for number, part in enumerate(parts(snippet))
]


@pytest.mark.parametrize("text", CASES)
def test_a_profile_is_right(text: str, folder: Path) -> None:
    data: Any = yaml.safe_load(text)
    if not isinstance(data, dict) or not data.keys() <= KEYS:
        return  # YAML of another kind
    if "extends" not in data and not data.keys() >= WHOLE:
        text = f"extends: local.yaml\n{text}"
    (folder / "tried.yaml").write_text(text, encoding="utf-8")
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "x" * 40)
    environ |= {"GROQ_API_KEY": "x" * 40}
    try:
        resolve(load_profile(folder / "tried.yaml", environ=environ))
    except ProfileError as error:
        if not re.search(rf"^\S+: \S+: there is no \w+ plugin '(?:{MADE_UP})'", str(error)):
            raise


def test_mistakes_are_noticed(folder: Path) -> None:
    with pytest.raises(ProfileError, match="modle"):
        test_a_profile_is_right("stt: {use: whispercpp, modle: x}", folder)
