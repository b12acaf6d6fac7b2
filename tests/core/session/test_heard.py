"""What the listener's side measured, and engines that outlive a call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from tests.core.session.call import Call

from voicebot.audio import AudioChunk
from voicebot.engines import Engines
from voicebot.events import TurnHeard
from voicebot.interfaces import HeardReport
from voicebot.report import CallReport
from voicebot.session import Session
from voicebot.testing import Say, ScriptedConnection, ScriptedTransport, Silence, as_engine, run_virtual

QUESTION: list[Say | Silence] = [Say(1.0), Silence(4.0)]


class MeasuringConnection(ScriptedConnection):
    """Reports as a page would, after so many seconds of the call."""

    def __init__(self, script: Sequence[Say | Silence], reports: dict[float, HeardReport]) -> None:
        super().__init__(script)
        self._reports = dict(reports)

    async def receive(self) -> AsyncIterator[AudioChunk | HeardReport]:  # type: ignore[override]
        passed_s = 0.0
        async for chunk in super().receive():
            yield chunk
            passed_s += chunk.duration_s
            for due_s in [s for s in self._reports if s <= passed_s]:
                yield self._reports.pop(due_s)


def heard(*reports: tuple[float, int, float]) -> tuple[CallReport, list[TurnHeard], Call]:
    call = Call(QUESTION, texts=["what time is it"], replies=["It is four."])
    call.connection = MeasuringConnection(QUESTION, {at: HeardReport(turn, ms) for at, turn, ms in reports})
    report = call.run()
    return report, [event for event in call.observed if isinstance(event, TurnHeard)], call


def test_what_was_heard_is_in_the_report_and_told() -> None:
    report, told, call = heard((3.0, 1, 812.44))
    turn = report.as_dict()["turns"][0]
    assert turn["heard_voice_to_voice_ms"] == 812.4
    assert turn["voice_to_voice_ms"] != 812.4
    assert [(event.turn_id, event.voice_to_voice_ms) for event in told] == [(1, 812.44)]
    # The page is told as well.
    assert told == [event for event in call.connection.events if isinstance(event, TurnHeard)]


def test_it_counts_once() -> None:
    report, told, _ = heard((2.5, 1, 800.0), (3.0, 1, 900.0))
    assert report.turns[0].heard_ms == 800.0
    assert len(told) == 1


def test_of_a_turn_that_never_was_it_is_ignored() -> None:
    report, told, _ = heard((0.5, 1, 700.0), (3.0, 7, 900.0), (3.1, -1, 900.0))
    assert report.turns[0].heard_ms is None
    assert report.as_dict()["turns"][0]["heard_voice_to_voice_ms"] is None
    assert told == []
    assert report.turns[0].reason == "finished"


def test_engines_can_be_kept_for_the_next_call() -> None:
    call = Call(QUESTION, texts=["one", "two"], replies=["First.", "Second."])
    parts = (call.vad, call.stt, call.turn, call.llm, call.tts)
    engines = Engines(
        as_engine("vad", call.vad),
        as_engine("stt", call.stt),
        as_engine("turn", call.turn),
        as_engine("llm", call.llm),
        as_engine("tts", call.tts),
    )

    async def one_after_another() -> list[CallReport]:
        reports = []
        for number in (1, 2):
            session = Session(
                f"call {number}",
                settings=call.settings,
                engines=engines,
                transport=as_engine("transport", ScriptedTransport()),
                connection=ScriptedConnection(QUESTION),
                keep_engines=True,
            )
            reports.append(await session.run())
        assert [part.closes for part in parts] == [0] * 5
        await engines.aclose()
        return reports

    reports = run_virtual(one_after_another())
    assert [report.turns[0].heard_text for report in reports] == ["First.", "Second."]
    assert [part.warmups for part in parts] == [1] * 5
    # The second call knows nothing of the first.
    assert [message.content for message in call.llm.asked[1]][1:] == ["two"]
