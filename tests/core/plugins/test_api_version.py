"""The version of the plugin API that a plugin is written for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from voicebot.errors import PluginLoadError
from voicebot.hooks import build_hook_manager
from voicebot.interfaces import API_VERSION
from voicebot.plugins import load_plugin

Make = Callable[..., Path]


def plugin(make_distribution: Make, stated: str, needs: str = "") -> None:
    source = f"from demo_plugin import Tts\nclass X(Tts):\n    api_version = {stated}\n"
    site = make_distribution("outside", {"voicebot.tts": {"out": "out_plugin:X"}}, {"out_plugin": source})
    with (site / "outside-1.0.dist-info" / "METADATA").open("a") as metadata:
        metadata.write(needs)


def refusal() -> str:
    with pytest.raises(PluginLoadError) as caught:
        load_plugin("tts", "out")
    return str(caught.value)


def test_ours_or_none_is_right(demo: Path, make_distribution: Make) -> None:
    assert API_VERSION == 1
    assert load_plugin("tts", "demo")
    plugin(make_distribution, "1")
    assert load_plugin("tts", "out")


def test_a_newer_one_asks_for_the_voicebot_that_the_plugin_was_made_for(
    demo: Path, make_distribution: Make
) -> None:
    plugin(
        make_distribution,
        "2",
        "Requires-Dist: numpy\nRequires-Dist: voicebot_kit>=0.7; python_version > '3'\n",
    )
    assert refusal() == (
        "the tts plugin 'out' of outside 1.0 wants plugin API 2, this voicebot has 1\n"
        "  Run: pip install --upgrade 'voicebot_kit>=0.7'"
    )


def test_a_newer_one_that_does_not_say_which_asks_for_the_latest(demo: Path, make_distribution: Make) -> None:
    plugin(make_distribution, "2")
    assert refusal().endswith("Run: pip install --upgrade 'voicebot-kit'")


def test_an_older_one_asks_for_a_newer_plugin(demo: Path, make_distribution: Make) -> None:
    plugin(make_distribution, "0")
    assert "wants plugin API 0, this voicebot has 1" in refusal()
    assert refusal().endswith("Run: pip install --upgrade outside")


@pytest.mark.parametrize("stated", ["'1'", "True", "None", "1.0"])
def test_what_is_no_number_is_said(demo: Path, make_distribution: Make, stated: str) -> None:
    plugin(make_distribution, stated)
    assert f"states the api_version {stated}, which is no whole number" in refusal()
    assert refusal().endswith("Run: pip install --upgrade outside")


def test_an_observer_for_another_version_is_left_out(
    make_distribution: Make, caplog: pytest.LogCaptureFixture
) -> None:
    sources = {
        "new_module": "api_version = 2",
        "new_class": "class New:\n    api_version = 2\n    def __init__(self): 1 / 0",
        "new_function": "class New:\n    api_version = 2\ndef make(): return New()",
        "our_module": "api_version = 1",
    }
    points = {"a": "new_module", "b": "new_class:New", "c": "new_function:make", "d": "our_module"}
    make_distribution("watching", {"voicebot.hooks": points}, sources)
    with caplog.at_level(logging.WARNING):
        hooks = build_hook_manager()
    assert hooks.names == ["d"]
    hooks.close()
    said = (
        "is left out: it wants plugin API 2, this voicebot has 1. Run: pip install --upgrade 'voicebot-kit'"
    )
    assert [record.getMessage() for record in caplog.records] == [
        f"hook plugin {name!r} of watching 1.0 {said}" for name in "abc"
    ]
