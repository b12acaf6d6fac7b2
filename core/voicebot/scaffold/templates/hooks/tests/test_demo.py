from __future__ import annotations

import logging

import pytest
from voicebot.hooks import HookManager

from voicebot_hooks_demo import DemoHooks


def test_a_call_that_is_over_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    hooks = HookManager()
    hooks.register(DemoHooks(), "demo")
    turns = [{"voice_to_voice_ms": ms} for ms in (None, 812.4, 640.0)]
    with caplog.at_level(logging.INFO):
        hooks.call_ended("c1", {"turns": turns})
        hooks.call_ended("c2", {"turns": []})
        hooks.close()  # each plugin has a thread of its own
    assert [record.getMessage() for record in caplog.records] == [
        "call c1: 3 turns, the slowest answer took 812 ms",
        "call c2: 0 turns, no answers",
    ]
