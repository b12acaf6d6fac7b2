"""`recognise` with a scripted decoder."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from voicebot.audio import Samples
from voicebot.recognition import Hypothesis, recognise

RNG = np.random.default_rng(3)
SPEECH = (RNG.normal(size=32_000) * 3000 * (np.sin(np.arange(32_000) / 2000) > 0)).astype(
    np.int16
)  # 2 s, uneven
FAN = (RNG.normal(size=32_000) * 1000).astype(np.int16)
LOOP = "you can do it, " * 9


class Script:
    def __init__(self, *hypotheses: Hypothesis) -> None:
        self.hypotheses = list(hypotheses)
        self.calls: list[tuple[int, int, int]] = []

    def __call__(self, samples: Samples, positions: int, max_tokens: int) -> Hypothesis:
        self.calls.append((len(samples), positions, max_tokens))
        return self.hypotheses.pop(0)


def test_a_good_text_is_taken_as_it_is() -> None:
    script = Script(Hypothesis(" Hello there. ", logprob=-0.1, no_speech=0.01, language="en"))
    found = recognise(script, SPEECH, 512, retry=True)
    assert (found.text, found.audio_s, found.language) == ("Hello there.", 2.0, "en")
    assert found.confidence == exp(-0.1)
    assert script.calls == [(32_000, 512, 18)]


def test_silence_is_not_decoded() -> None:
    script = Script()
    assert recognise(script, np.zeros(32_000, np.int16), 512, retry=True).text == ""
    assert recognise(script, np.zeros(0, np.int16), 512, retry=True).text == ""
    assert script.calls == []


def test_a_loop_is_decoded_again_at_full_context() -> None:
    script = Script(Hypothesis(LOOP, complete=False), Hypothesis("You can do it."))
    assert recognise(script, SPEECH, 768, retry=True).text == "You can do it."
    assert [positions for _, positions, _ in script.calls] == [768, 1500]


def test_a_loop_that_ended_by_itself_is_decoded_again_and_then_believed() -> None:
    script = Script(Hypothesis(LOOP), Hypothesis(LOOP))
    assert recognise(script, SPEECH, 768, retry=True).text == LOOP.strip()
    assert len(script.calls) == 2


def test_a_loop_at_full_context_is_cut() -> None:
    script = Script(Hypothesis(LOOP, complete=False), Hypothesis(LOOP, complete=False))
    assert recognise(script, SPEECH, 768, retry=True).text == "you can do it,"


def test_interims_are_decoded_once() -> None:
    script = Script(Hypothesis(LOOP, complete=False))
    assert recognise(script, SPEECH, 512, retry=False).text == "you can do it,"
    assert len(script.calls) == 1


def test_nothing_is_longer_than_the_window() -> None:
    script = Script(Hypothesis("Long."))
    assert recognise(script, np.tile(SPEECH, 20), 512, retry=True).audio_s == 30.0
    assert script.calls == [(480_000, 1500, 186)]


@pytest.mark.parametrize(
    ("hypothesis", "audio", "text"),
    [
        (Hypothesis("Thank you.", logprob=-0.2, no_speech=0.05), SPEECH, "Thank you."),
        (Hypothesis("Thank you.", logprob=-0.2, no_speech=0.05), FAN, ""),
        (Hypothesis("Thank you.", logprob=-0.2, no_speech=0.9), SPEECH, ""),
        (Hypothesis("Thank you.", logprob=-0.2), SPEECH, "Thank you."),
        (Hypothesis("Thank you.", logprob=-1.1), SPEECH, ""),
        (Hypothesis("I am going to the beach.", logprob=-1.8, no_speech=0.8), SPEECH, ""),
        (
            Hypothesis("I am going to the beach.", logprob=-0.3, no_speech=0.8),
            SPEECH,
            "I am going to the beach.",
        ),
        (Hypothesis("I am going to the beach.", logprob=-1.8), SPEECH, ""),
        (Hypothesis("Stop.", logprob=-1.8), SPEECH, "Stop."),
        (Hypothesis("[BLANK_AUDIO]"), SPEECH, ""),
    ],
)
def test_made_up_text_needs_weak_evidence(hypothesis: Hypothesis, audio: Samples, text: str) -> None:
    assert recognise(Script(hypothesis), audio, 512, retry=True).text == text
