"""Every check catches the engine that breaks its promise, and says so; no other check does."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from tests.conformance.broken import end_of_turn, llm, providers, streams, stt, transport, tts, vad
from tests.conformance.proof import BROKEN, RIGHT, Broken, Kit, checks_of, complaints, kit_for
from tests.conformance.right import FrontedTransport, RightTurn

from voicebot.testing.conformance import ConformanceError, EndOfTurnConformance, TransportConformance

FAMILIES = (providers, streams, vad, stt, end_of_turn, llm, tts, transport)


@pytest.mark.parametrize("kit", RIGHT, ids=lambda kit: kit.__name__)
def test_right_engines_pass(kit: Kit) -> None:
    assert complaints(kit_for(kit, RIGHT[kit])) == {}


def test_a_right_front_passes() -> None:
    assert complaints(kit_for(TransportConformance, FrontedTransport)) == {}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.check}-{broken.engine.__name__}")
def test_each_is_caught_by_the_check_meant_for_it(broken: Broken) -> None:
    found = complaints(kit_for(broken.kit, broken.engine))
    assert list(found) == [broken.check], found
    assert re.fullmatch(re.escape(broken.message).replace("…", ".*"), found[broken.check]), found


def test_every_check_is_proven() -> None:
    proven = {getattr(broken.kit, broken.check) for broken in BROKEN}
    every = {getattr(kit, check) for kit in RIGHT for check in checks_of(kit)}
    assert [check.__qualname__ for check in every - proven] == [
        "ProviderConformance.test_first_result_is_timed"
    ]


def test_the_first_result_is_timed_and_recorded() -> None:
    kit: Any = kit_for(EndOfTurnConformance, RightTurn)
    recorded: dict[str, float] = {}
    kit().test_first_result_is_timed(recorded.__setitem__)
    kit.teardown_class()
    assert list(recorded) == ["first_result_ms"]
    assert recorded["first_result_ms"] > 0


def test_one_that_hangs_is_named() -> None:
    class Hangs(RightTurn):
        async def predict(self, context: object) -> Any:
            await asyncio.Event().wait()

    kit: Any = kit_for(EndOfTurnConformance, Hangs)
    kit.limit_s = 0.01
    with pytest.raises(ConformanceError, match=r"^It does not come to an end within 0.01 s\.$"):
        kit().test_it_gives_verdicts()
    kit.teardown_class()


def test_one_that_does_not_close_is_named() -> None:
    class StaysOpen(RightTurn):
        async def aclose(self) -> None:
            await asyncio.Event().wait()

    kit: Any = kit_for(EndOfTurnConformance, StaysOpen)
    kit().test_delays_are_durations()
    kit.limit_s = 0.05
    for close in (kit().test_no_task_is_left, kit.teardown_class):
        with pytest.raises(ConformanceError, match=r"^It does not come to an end within 0.05 s\.$"):
            close()
