"""Events to the far side and to observers."""

from __future__ import annotations

import asyncio
import logging

import pytest

from voicebot.events import (
    CallEnded,
    CallStarted,
    Event,
    ProviderFailed,
    QueueOverflowed,
    StateChanged,
    TurnMeasured,
    UserTranscript,
)
from voicebot.queues import QueueStatistics
from voicebot.telling import OBSERVER_QUEUE_EVENTS, Telling
from voicebot.testing import ScriptedConnection, run_virtual


class DeafConnection(ScriptedConnection):
    def notify(self, event: Event) -> None:
        raise OSError("gone")


STARTED, ENDED = CallStarted(0.0, "a-call"), CallEnded(1.0, "hung_up")


def test_everybody_is_told_in_order() -> None:
    observed: list[Event] = []
    connection = ScriptedConnection([])

    async def main() -> None:
        telling = Telling(connection, observed.append)
        observers = asyncio.ensure_future(telling.run())
        telling.emit(STARTED)
        # The far side knows at once, observers when there is time.
        assert connection.events == [STARTED]
        assert observed == []
        await asyncio.sleep(1)
        assert observed == [STARTED]
        telling.emit(ENDED)
        telling.close()
        await observers

    run_virtual(main())
    assert observed == connection.events == [STARTED, ENDED]


def test_a_listeners_fault_never_reaches_the_call(caplog: pytest.LogCaptureFixture) -> None:
    observed: list[Event] = []

    def observe(event: Event) -> None:
        observed.append(event)
        raise ValueError("a bug in a plugin")

    async def main() -> None:
        telling = Telling(DeafConnection([]), observe)
        telling.emit(STARTED)
        telling.emit(ENDED)
        telling.close()
        await telling.run()

    with caplog.at_level(logging.ERROR, "voicebot.call"):
        run_virtual(main())
    assert observed == [STARTED, ENDED]
    assert [record.getMessage() for record in caplog.records] == [
        "the transport failed to pass on CallStarted",
        "the transport failed to pass on CallEnded",
        "an observer failed on CallStarted",
        "an observer failed on CallEnded",
    ]


def test_a_state_is_told_when_it_is_new() -> None:
    connection = ScriptedConnection([])

    async def main() -> None:
        telling = Telling(connection, lambda event: None)
        assert telling.state is None
        telling.become("listening")
        await asyncio.sleep(2)
        telling.become("listening")
        telling.become("thinking")

    run_virtual(main())
    assert connection.events == [StateChanged(0.0, "listening"), StateChanged(2.0, "thinking")]


def test_slow_observers_lose_the_oldest_events_and_the_call_does_not_wait() -> None:
    observed: list[Event] = []
    sent = [CallStarted(0.0, str(number)) for number in range(OBSERVER_QUEUE_EVENTS + 10)]

    async def main() -> None:
        telling = Telling(ScriptedConnection([]), observed.append)
        for event in sent:
            telling.emit(event)
        assert telling.queue.statistics.dropped == 10
        telling.close()
        await telling.run()

    run_virtual(main())
    assert observed == sent[10:]


def test_a_full_queue_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    connection = ScriptedConnection([])

    async def main() -> None:
        telling = Telling(connection, lambda event: None)
        telling.overflowed("mic", QueueStatistics(1.0, "s", "drop_oldest", dropped=3))

    with caplog.at_level(logging.WARNING, "voicebot.call"):
        run_virtual(main())
    assert connection.events == [QueueOverflowed(0.0, "mic", 3)]
    assert caplog.messages == ["queue mic is full (1 s): dropping"]


def test_the_log_says_what_an_operator_looks_for(caplog: pytest.LogCaptureFixture) -> None:
    events = [
        STARTED,
        UserTranscript(0.1, 1, "a secret", True),
        TurnMeasured(0.2, 1, {"ended": "finished", "voice_to_voice_ms": 640.5, "user_text": "a secret"}),
        TurnMeasured(0.3, 0, {"ended": "interrupted", "voice_to_voice_ms": None}),
        ProviderFailed(0.4, "llm", "groq", "voicebot-kit 1.0", "no answer", 2),
        ENDED,
    ]

    async def main() -> None:
        telling = Telling(ScriptedConnection([]), lambda event: None)
        for event in events:
            telling.emit(event)
        telling.close()
        await telling.run()

    with caplog.at_level(logging.INFO, "voicebot.call"):
        run_virtual(main())
    assert caplog.messages == [
        "the call begins",
        "finished, voice to voice 640.5 ms",
        "interrupted, voice to voice - ms",
        "the llm plugin 'groq' of voicebot-kit 1.0 failed: no answer",
        "the call is over: hung_up",
    ]
