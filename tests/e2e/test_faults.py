"""The table of faults: its own judgement, and two of its cells."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
from bench.faults.call import Call, sound
from bench.faults.cases import CASES, Case
from bench.faults.cells import Cell, cells, judged, measure
from bench.faults.ears import Heard, ear, last_syllable_s, named
from bench.faults.holding import fill_executor
from bench.faults.listening import Listener
from bench.faults.markdown import page
from bench.faults.stages import KEY, OWN, STAGES, STAND_IN
from click.testing import CliRunner

from voicebot.audio import AudioChunk
from voicebot.fallback import apology_text
from voicebot.models import ModelStore
from voicebot.wav import read_wav

SORRY = apology_text("en")
LLM = STAGES["llm"]
IN_CALL = next(case for case in CASES if case.name == "404 model")
FROM_START = next(case for case in CASES if case.name == "refused from the start")


def cell(text: str | None, *, chain: bool = False, case: Case = IN_CALL, call: Call | None = None) -> Cell:
    heard = None if text is None else Heard(text, 1.0 if text else None)
    return judged(case, LLM, chain, call or Call(refused="no server"), heard)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "silence"),
        ("Good morning, we open at 9 o'clock today.", "answer"),
        ("This is the second model it answers every question", "the other's answer"),
        ("Sorry something went wrong. Can you say that again?", "apology"),
        (f"Good morning. {SORRY}", "1 of 2 sentences of the answer, then apology"),
        ("Good morning.", "1 of 2 sentences of the answer"),
        ("What?", "something else"),
        (f"{SORRY} Traceback, most recent call last.", "apology, then something else"),
    ],
)
def test_what_was_heard_is_named(text: str, name: str) -> None:
    assert named(text, LLM) == name


def test_a_caller_hears_an_answer_or_an_apology() -> None:
    for good in (" ".join(OWN), " ".join(STAND_IN), SORRY, f"{OWN[0]} {SORRY}"):
        assert cell(good).problems == []
    assert cell("").problems == ["silence"]
    assert cell(OWN[0]).problems == ["it broke off without a word"]
    assert cell(f"{SORRY} Server error four hundred and four.").problems == ["something else was heard"]
    assert cell(SORRY, call=Call(problems=["hang"])).problems == ["hang"]


def test_only_where_there_is_nobody_from_the_start_no_call_is_taken() -> None:
    assert cell(None, case=FROM_START).problems == []
    assert cell(None, case=FROM_START, chain=True).problems == ["no call was held"]
    assert cell(None).problems == ["no call was held"]
    assert cell(None, case=FROM_START, call=Call()).problems == ["no call was held"]


def test_secrets_and_tracebacks_are_found() -> None:
    with Listener() as listener:
        logging.getLogger("voicebot.engines").debug("nothing special")
    assert listener.problems("no secret") == []
    assert listener.problems(f"Bearer {KEY}") == ["secret"]
    with Listener() as listener:
        try:
            raise RuntimeError(KEY)
        except RuntimeError:
            logging.getLogger("voicebot.engines").exception("failed")
    assert listener.problems() == ["traceback", "secret"]
    assert listener.told() == ["failed"]


def test_the_last_syllable_is_the_last_that_can_be_heard() -> None:
    samples = np.zeros(16_000, np.int16)
    samples[4_000], samples[8_000], samples[12_000] = 5_000, -5_000, 100
    assert last_syllable_s(AudioChunk(samples, 16_000)) == 0.5


def test_every_fault_has_a_row_for_each_stage_that_it_concerns() -> None:
    wanted = cells(["stt", "llm", "tts"])
    measured = [judged(case, stage, chain, Call(), Heard(SORRY, 0.5)) for case, stage, chain in wanted]
    text = page(measured, "a machine")
    assert all(f"| {case.name} | apology, 0.5 s | apology, 0.5 s |" in text for case in CASES)
    assert "In none of these calls was there silence" in text
    text = page([cell("")], "a machine")
    assert "| 404 model | **silence** (silence) |" in text
    assert "- llm, 404 model: silence" in text
    assert "In none of these calls" not in text


def test_what_is_not_there_cannot_be_measured() -> None:
    from bench.faults.table import main

    done = CliRunner().invoke(main, ["--only", "earthquake"])
    assert done.exit_code == 2
    assert "earthquake" in done.output


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_a_model_that_is_gone_is_apologised_for_or_stood_in_for(model_store: ModelStore) -> None:
    async def main(question: Path) -> list[Cell]:
        fill_executor()
        with tempfile.TemporaryDirectory() as folder:
            async with sound(question, Path(folder)) as engines, ear(read_wav(question)) as listener:
                await measure(FROM_START, LLM, True, engines, listener)  # what is made once is made now
                return [await measure(IN_CALL, LLM, chain, engines, listener) for chain in (False, True)]

    with as_file(files("voicebot") / "samples" / "question.wav") as question:
        alone, chained = asyncio.run(main(question))
    assert (alone.heard, alone.problems) == ("apology", [])
    assert (chained.heard, chained.problems) == ("the other's answer", [])
    assert "event provider_failed" in alone.told[-1]
    assert "asking 'stub'" in chained.told[0]
    assert alone.after_s is not None
    assert alone.after_s > 0
