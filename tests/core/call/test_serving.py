"""Calls one after another on the same engines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.core.conftest import MakeDistribution

from voicebot.call import serve_calls
from voicebot.errors import EngineError
from voicebot.events import CallEnded, CallStarted, Event
from voicebot.hooks import build_hook_manager, hookimpl
from voicebot.models import ModelStore
from voicebot.profile import ResolvedProfile, load_profile, resolve
from voicebot.report import CallReport
from voicebot.testing import ScriptedConnection, run_virtual

SOURCE = """
    from voicebot.errors import EngineError
    from voicebot.testing import *

    log, connections = [], []

    class Logged:
        async def warmup(self):
            await super().warmup()
            log.append(f"warm {type(self).__name__}")
        async def aclose(self):
            await super().aclose()
            log.append(f"closed {type(self).__name__}")

    class Vad(Logged, LoudnessVAD):
        def __init__(self, config, context):
            super().__init__()

    class Stt(Logged, ScriptedSTT):
        def __init__(self, config, context):
            super().__init__(["one", "two", "three"])

    class Turn(Logged, ScriptedTurn):
        def __init__(self, config, context):
            super().__init__()

    class Llm(Logged, ScriptedLLM):
        def __init__(self, config, context):
            super().__init__(["First.", "Second.", "Third."])

    class Tts(Logged, ScriptedTTS):
        def __init__(self, config, context):
            super().__init__()

    class Transport(Logged, ScriptedTransport):
        breaks_in_call = 0
        def __init__(self, config, context):
            super().__init__()
        async def connections(self):
            for number in (1, 2, 3):
                log.append(f"asked for call {number}")
                connection = ScriptedConnection([Say(1.0), Silence(4.0)])
                if number == self.breaks_in_call:
                    connection.fail_receive = OSError("device gone")
                connections.append(connection)
                yield connection
"""


class Serving:
    def __init__(
        self, resolved: ResolvedProfile, log: list[str], connections: list[ScriptedConnection]
    ) -> None:
        self.resolved, self.log, self.connections = resolved, log, connections
        self.events: list[tuple[str, Event]] = []
        self.reports: list[CallReport] = []
        self.observe: Callable[[str, Event], None] = lambda call_id, event: self.events.append(
            (call_id, event)
        )

    async def serve(self) -> None:
        await serve_calls(
            self.resolved,
            ModelStore(),
            observe=self.observe,
            on_warm=lambda: self.log.append("on_warm"),
            on_report=self.reports.append,
        )

    @property
    def closed(self) -> set[str]:
        return {entry.removeprefix("closed ") for entry in self.log if entry.startswith("closed")}


ALL = {"Vad", "Stt", "Turn", "Llm", "Tts", "Transport"}


@pytest.fixture
def serving(make_distribution: MakeDistribution, tmp_path: Path) -> Serving:
    kinds = ("vad", "stt", "turn", "llm", "tts", "transport")
    groups = {f"voicebot.{kind}": {"outside": f"outside_serving:{kind.title()}"} for kind in kinds}
    make_distribution("outside-serving", groups, {"outside_serving": SOURCE})
    file = tmp_path / "agent.yaml"
    file.write_text("\n".join(f"{kind}: outside" for kind in kinds))
    resolved = resolve(load_profile(file, environ={}))
    import outside_serving  # type: ignore[import-not-found]

    return Serving(resolved, outside_serving.log, outside_serving.connections)


def test_calls_are_held_on_the_same_warm_engines(serving: Serving) -> None:
    run_virtual(serving.serve())
    assert [report.turns[0].heard_text for report in serving.reports] == ["First.", "Second.", "Third."]
    assert len({report.call_id for report in serving.reports}) == 3
    started = [
        (call_id, event.call_id) for call_id, event in serving.events if isinstance(event, CallStarted)
    ]
    assert started == [(report.call_id, report.call_id) for report in serving.reports]
    warm = [entry for entry in serving.log if entry.startswith("warm")]
    assert {entry.removeprefix("warm ") for entry in warm} == ALL
    assert len(warm) == 6
    # A call is asked for when it can be held at once, not before.
    assert serving.log.index("on_warm") < serving.log.index("asked for call 1")
    assert all(serving.log.index(entry) < serving.log.index("on_warm") for entry in warm)
    assert serving.closed == ALL


def test_a_call_that_fails_is_reported_and_ends_the_serving(serving: Serving) -> None:
    serving.resolved.section("transport").provider_class.breaks_in_call = 2  # type: ignore[attr-defined]
    with pytest.raises(EngineError, match="device gone"):
        run_virtual(serving.serve())
    assert [len(report.errors) for report in serving.reports] == [0, 1]
    assert "asked for call 3" not in serving.log
    assert serving.closed == ALL


def test_cancelled_in_a_call_it_hangs_up_reports_and_closes(serving: Serving) -> None:
    async def main() -> None:
        task = asyncio.create_task(serving.serve())
        await asyncio.sleep(7.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())
    assert len(serving.reports) == 2
    assert serving.reports[1].ended_s == pytest.approx(7.0, abs=0.1)
    # The far side is told that it was no failure.
    ends = [event for connection in serving.connections for event in connection.events]
    assert [event.reason for event in ends if isinstance(event, CallEnded)] == ["hung_up", "hung_up"]
    assert serving.closed == ALL


def test_hooks_see_every_call(serving: Serving) -> None:
    seen: list[str] = []

    class Watcher:
        @hookimpl
        def voicebot_call_started(self, call_id: str) -> None:
            seen.append(f"started {call_id}")

        @hookimpl
        def voicebot_call_ended(self, call_id: str) -> None:
            seen.append(f"ended {call_id}")

    hooks = build_hook_manager(installed=False)
    hooks.register(Watcher(), "watcher")
    run_virtual(serve_calls(serving.resolved, ModelStore(), hooks=hooks, on_report=serving.reports.append))
    hooks.close(deadline_s=30)
    expected = [[f"started {report.call_id}", f"ended {report.call_id}"] for report in serving.reports]
    assert seen == [entry for pair in expected for entry in pair]


def test_a_hook_that_never_returns_delays_no_call(serving: Serving) -> None:
    stuck, over = threading.Event(), threading.Event()

    class Stuck:
        @hookimpl
        def voicebot_event(self) -> None:
            stuck.set()
            over.wait()

    hooks = build_hook_manager(installed=False)
    hooks.register(Stuck(), "stuck")
    run_virtual(serve_calls(serving.resolved, ModelStore(), hooks=hooks, on_report=serving.reports.append))
    assert stuck.wait(30)
    assert [report.turns[0].heard_text for report in serving.reports] == ["First.", "Second.", "Third."]
    assert all(report.queues["hook stuck"].accepted > 1 for report in serving.reports)
    over.set()
    hooks.close(deadline_s=30)
