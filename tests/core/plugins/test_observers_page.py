"""docs/observers.md says what there is: every hook with its arguments, and an example that works."""

from __future__ import annotations

import inspect
import json
import logging
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from voicebot.events import TurnMeasured, UserTranscript
from voicebot.hooks import HOOK_OF, HookManager, HookSpecs
from voicebot.observer import QUEUE_SIZE
from voicebot.tools.hook import ToolHookSpecs

PAGE = (Path(__file__).parents[3] / "docs" / "observers.md").read_text()
SECTIONS = dict(re.findall(r"^### `(\w+)\(.*?\)`\n\n(.*?)(?=\n##)", PAGE, re.MULTILINE | re.DOTALL))


def specified() -> dict[str, list[str]]:
    functions = [*vars(HookSpecs).items(), *vars(ToolHookSpecs).items()]
    return {
        name: [argument for argument in inspect.signature(function).parameters if argument != "self"]
        for name, function in functions
        if name.startswith("voicebot_")
    }


def test_every_hook_is_there_with_its_arguments() -> None:
    documented = re.findall(r"^### `(\w+)\((.*?)\)`$", PAGE, re.MULTILINE)
    assert {name: re.findall(r"\w+", arguments) for name, arguments in documented} == specified()


@pytest.mark.parametrize(("event", "hook"), HOOK_OF.items(), ids=lambda one: getattr(one, "__name__", one))
def test_the_event_of_a_hook_is_named_and_typed(event: type, hook: str) -> None:
    assert SECTIONS[hook].startswith(f"`{event.__name__}`:")
    assert inspect.signature(getattr(HookSpecs, hook)).parameters["event"].annotation == event.__name__


def test_each_hook_says_what_it_is_for() -> None:
    functions = {**vars(HookSpecs), **vars(ToolHookSpecs)}
    assert [name for name in specified() if not inspect.getdoc(functions[name])] == []
    assert f"a queue of {QUEUE_SIZE} for each plugin" in PAGE


def test_the_example_writes_down_what_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], names)
    hooks = HookManager()
    hooks.register(names["Minutes"](), "minutes")
    hooks.event("c1", UserTranscript(0.5, 1, "What", False), 0.0)
    hooks.event("c1", UserTranscript(1.0, 1, "What time is it?", True), 0.0)
    hooks.event("c1", TurnMeasured(3.0, 1, {"heard_text": "A quarter past four."}), 0.0)
    hooks.close(deadline_s=30)
    assert (tmp_path / "minutes.txt").read_text() == (
        "c1 user: What time is it?\nc1 agent: A quarter past four.\n"
    )
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_log_that_is_shown_is_json() -> None:
    [line] = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    entry = json.loads(line)
    assert list(entry) == ["time", "level", "logger", "message", "call_id", "turn_id"]
    assert datetime.fromisoformat(entry["time"]).utcoffset() is not None
