from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pluggy
import pytest

from voicebot.events import (
    AgentTurnStarted,
    CallEnded,
    CallStarted,
    Event,
    InterruptionJudged,
    ProviderFailed,
    TurnMeasured,
    UserTranscript,
)
from voicebot.hooks import HookManager, build_hook_manager, hookimpl

Make = Callable[..., Path]


ENGINES = {"stt": ["whispercpp"], "llm": ["groq", "openai"]}


class Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    @hookimpl
    def voicebot_call_started(self, call_id: str, profile_name: str, engines: Any, at_s: float) -> None:
        self.calls.append(("started", call_id, profile_name, engines, at_s))

    @hookimpl
    def voicebot_event(self, event: Event) -> None:
        self.calls.append(("event", event))

    @hookimpl
    def voicebot_call_ended(self, call_id: str, report: Mapping[str, Any]) -> None:
        self.calls.append(("ended", call_id, report))


def tell(hooks: HookManager) -> None:
    """Of one call; it returns when the plugins know."""
    hooks.call_started("c1", "local", ENGINES, 7.0)
    hooks.event("c1", CallStarted(0.0, "c1"), 0.0)
    hooks.call_ended("c1", {"turns": []})
    hooks.close(deadline_s=30)


EXPECTED: list[tuple[Any, ...]] = [
    ("started", "c1", "local", ENGINES, 7.0),
    ("event", CallStarted(0.0, "c1")),
    ("ended", "c1", {"turns": []}),
]


def test_hooks_are_called_with_the_arguments_they_ask_for() -> None:
    hooks, recorder = HookManager(), Recorder()
    hooks.register(recorder, "recorder")
    tell(hooks)
    assert recorder.calls == EXPECTED


@pytest.mark.parametrize("failure", [ValueError("no"), SystemExit(1)])
def test_a_hook_that_raises_stops_neither_the_call_nor_the_others(
    failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        @hookimpl
        def voicebot_call_started(self) -> None:
            raise failure

    hooks, before, after = HookManager(), Recorder(), Recorder()
    hooks.register(before, "before")
    hooks.register(Broken(), "broken", "broken-dist 1.0")
    hooks.register(after, "after")
    tell(hooks)
    assert before.calls == after.calls == EXPECTED
    assert [record.getMessage() for record in caplog.records] == [
        "hook plugin 'broken' of broken-dist 1.0 failed in voicebot_call_started; that it fails again is not logged"
    ]


class Unknown:
    @hookimpl
    def voicebot_call_finished(self) -> None: ...


class WrongArgument:
    @hookimpl
    def voicebot_event(self, evnt: Event) -> None: ...


class Async:
    @hookimpl
    async def voicebot_event(self, event: Event) -> None: ...


class Wrapper:
    @hookimpl(wrapper=True)
    def voicebot_event(self) -> Any:
        return (yield)


@pytest.mark.parametrize("plugin", [Unknown, WrongArgument, Async, Wrapper])
def test_hooks_that_could_not_work_are_refused(plugin: type) -> None:
    hooks, recorder = HookManager(), Recorder()
    with pytest.raises(pluggy.PluginValidationError):
        hooks.register(plugin(), "odd")
    hooks.register(recorder, "odd")  # the name is free again
    tell(hooks)
    assert recorder.calls == EXPECTED


def test_events_have_hooks_of_their_own_and_the_general_one() -> None:
    seen: list[tuple[Any, ...]] = []

    class Typed:
        @hookimpl
        def voicebot_transcript(self, call_id: str, event: UserTranscript) -> None:
            seen.append((call_id, event))

        @hookimpl
        def voicebot_turn_committed(self, call_id: str, event: AgentTurnStarted) -> None:
            seen.append((call_id, event))

        @hookimpl
        def voicebot_interruption(self, call_id: str, event: InterruptionJudged) -> None:
            seen.append((call_id, event))

        @hookimpl
        def voicebot_turn_measured(self, call_id: str, event: TurnMeasured, origin_s: float) -> None:
            seen.append((call_id, event, origin_s))

        @hookimpl
        def voicebot_error(self, call_id: str, event: ProviderFailed) -> None:
            seen.append((call_id, event))

        @hookimpl
        def voicebot_closing(self) -> None:
            seen.append(("closing",))

    hooks, recorder = HookManager(), Recorder()
    hooks.register(Typed(), "typed")
    hooks.register(recorder, "recorder")
    events = [
        UserTranscript(1.0, 1, "hello", True),
        AgentTurnStarted(1.2, 1),
        InterruptionJudged(2.0, 1, True, "words", 700.0, "wait", 300.0),
        TurnMeasured(2.1, 1, {"turn": 1}),
        ProviderFailed(2.2, "llm", "groq", "groq-dist 1.0", "no answer", 2),
        CallEnded(3.0, "hung_up"),
    ]
    for event in events:
        hooks.event("c1", event, 0.5)
    hooks.close(deadline_s=30)
    measured = 3
    expected = [("c1", event) + ((0.5,) if index == measured else ()) for index, event in enumerate(events)]
    assert seen == [*expected[:-1], ("closing",)]
    assert recorder.calls == [("event", event) for event in events]


def test_the_queues_are_counted_from_one_report_to_the_next() -> None:
    hooks = HookManager()
    hooks.register(Recorder(), "recorder")
    hooks.register(object(), "idle")
    hooks.event("c1", CallStarted(0.0, "c1"), 0.0)
    hooks.event("c1", CallEnded(1.0, "hung_up"), 0.0)
    assert {name: taken.accepted for name, taken in hooks.take_statistics().items()} == {"recorder": 2}
    assert hooks.take_statistics() == {}
    hooks.close(deadline_s=30)


def test_a_name_is_taken_once() -> None:
    hooks = HookManager()
    hooks.register(Recorder(), "recorder")
    with pytest.raises(ValueError, match="registered already"):
        hooks.register(Recorder(), "recorder")
    assert hooks.names == ["recorder"]


def test_installed_hooks_are_loaded_and_broken_ones_left_out(
    make_distribution: Make, caplog: pytest.LogCaptureFixture
) -> None:
    good = """
        from voicebot.hooks import hookimpl
        seen = []
        @hookimpl
        def voicebot_call_started(call_id):
            seen.append(call_id)
    """
    make_distribution("good", {"voicebot.hooks": {"good": "good_hooks"}}, {"good_hooks": good})
    make_distribution(
        "boom", {"voicebot.hooks": {"boom": "boom_hooks"}}, {"boom_hooks": "raise SystemExit(1)"}
    )
    misspelt = "from voicebot.hooks import hookimpl\n@hookimpl\ndef voicebot_call_strted(): ..."
    make_distribution("typo", {"voicebot.hooks": {"typo": "typo_hooks"}}, {"typo_hooks": misspelt})
    for name in ("twin-a", "twin-b"):
        make_distribution(name, {"voicebot.hooks": {"twin": f"{name[-1]}_hooks"}})
    with caplog.at_level(logging.WARNING):
        hooks = build_hook_manager()
    assert "good" in hooks.names
    assert not {"boom", "typo", "twin"} & set(hooks.names)
    warned = "\n".join(record.getMessage() for record in caplog.records)
    assert "'boom' of boom 1.0 is left out: SystemExit" in warned
    assert "'typo' of typo 1.0 is left out" in warned
    assert "twin-a 1.0" in warned
    assert "twin-b 1.0" in warned
    hooks.call_started("c7", "local", ENGINES, 0.0)
    hooks.close(deadline_s=30)
    import good_hooks  # type: ignore[import-not-found]

    assert good_hooks.seen == ["c7"]


def test_an_entry_point_may_make_the_plugin_or_none(
    make_distribution: Make, caplog: pytest.LogCaptureFixture
) -> None:
    source = """
        class Plugin: ...
        def made():
            return Plugin()
        def nothing():
            return None
    """
    points = {"cls": "maker_hooks:Plugin", "made": "maker_hooks:made", "nothing": "maker_hooks:nothing"}
    make_distribution("maker", {"voicebot.hooks": points}, {"maker_hooks": source})
    assert {"cls", "made"} <= set(build_hook_manager().names)
    assert "nothing" not in build_hook_manager().names
    assert not caplog.records


def test_none_of_the_installed_hooks_on_request(make_distribution: Make) -> None:
    make_distribution(
        "boom", {"voicebot.hooks": {"boom": "boom_hooks"}}, {"boom_hooks": "raise SystemExit(1)"}
    )
    assert build_hook_manager(installed=False).names == []
