"""From a profile's `agent.tools` to what a call can call."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.call import build_tools
from voicebot.errors import ProfileError
from voicebot.hooks import HookManager, hookimpl
from voicebot.profile import load_profile, resolve


@pytest.fixture(autouse=True)
def _forget_modules() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("voicebot_tools_"):
            del sys.modules[name]


def test_a_profiles_tools_are_found(profile_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    profile_file.with_name("shop.py").write_text(
        'def stock(article: str) -> int:\n    "How many."\n    return 3\n'
    )
    profile_file.write_text(
        profile_file.read_text()
        + "agent:\n  tools:\n    - ./shop.py:stock\n    - {use: price, deadline_s: 2}\ntool_calls: {at_once: 2}\n"
    )

    class Shop:
        @hookimpl
        def voicebot_tools(self) -> list[object]:
            def price(article: str) -> float:
                """What it costs."""
                return 1.5

            return [price]

    hooks = HookManager()
    hooks.register(Shop(), "shop", "shop 1.0")
    runner = build_tools(resolve(load_profile(profile_file, environ={})), hooks)
    assert [spec.name for spec in runner.specs] == ["stock", "price"]
    assert runner.settings.at_once == 2
    assert "llm: demo cannot call tools, and answers without these: stock, price" in caplog.text


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (
            "{use: ./shop.py:stock, deadlin_s: 2}",
            "agent.tools.0.deadlin_s: is not a known key; did you mean 'deadline_s'?",
        ),
        (
            "{use: ./shop.py:stock, deadline_s: soon}",
            "agent.tools.0.deadline_s: should be a number, not 'soon'",
        ),
        ("{name: stock}", "agent.tools.0.use: is required"),
        ("3", "agent.tools.0: should be a mapping, not 3"),
    ],
)
def test_a_wrong_entry_is_told_with_its_line(profile_file: Path, entry: str, complaint: str) -> None:
    lines = profile_file.read_text().count("\n")
    profile_file.write_text(profile_file.read_text() + f"agent:\n  tools:\n    - {entry}\n")
    with pytest.raises(ProfileError) as caught:
        load_profile(profile_file, environ={})
    assert complaint in str(caught.value)
    assert f"{profile_file}:{lines + 3}: " in str(caught.value)


def test_a_tool_that_is_not_there_is_told_with_its_line(profile_file: Path) -> None:
    lines = profile_file.read_text().count("\n")
    profile_file.write_text(profile_file.read_text() + "agent:\n  tools: [./shop.py:stock]\n")
    resolved = resolve(load_profile(profile_file, environ={}))
    with pytest.raises(ProfileError, match=rf":{lines + 2}: agent\.tools\.0: there is no file .*shop\.py"):
        build_tools(resolved, None)
