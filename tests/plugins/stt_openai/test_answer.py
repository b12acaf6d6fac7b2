"""Answers of servers, good and bad, read and judged."""

from __future__ import annotations

import json
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.stt_openai.support import RATE, sounding

from voicebot.errors import EngineError
from voicebot_stt_openai.answer import Answer, Segment, judge, read_answer

WHERE = "http://server/v1"
SPEECH = sounding(3)


def read(data: object) -> Answer:
    return read_answer(json.dumps(data).encode(), where=WHERE)


def test_the_plain_form() -> None:
    assert read({"text": " Hello.\n", "x_groq": {"id": "req_1"}}) == Answer(" Hello.\n")


def test_the_verbose_form() -> None:
    segments = [
        {"id": 0, "text": " Hello there.", "avg_logprob": -0.25, "no_speech_prob": 0.1, "tokens": [1]},
        {"id": 1, "text": " Good bye.", "avg_logprob": -0.5, "no_speech_prob": 0.2},
    ]
    found = read({"task": "transcribe", "language": "en", "text": "ignored", "segments": segments})
    expected = (Segment(" Hello there.", -0.25, 0.1), Segment(" Good bye.", -0.5, 0.2))
    assert found == Answer("Hello there. Good bye.", "en", expected)


def test_segments_that_whisper_cpp_cut_within_a_word_are_joined() -> None:
    segments = [{"text": " And so my fellow Amer"}, {"text": "icans, ask"}, {"text": " not"}]
    assert read({"text": "And so my fellow Amer\nicans, ask\n not", "segments": segments}).text == (
        "And so my fellow Americans, ask not"
    )


def test_segments_without_their_spaces_are_put_apart() -> None:
    assert read({"text": "", "segments": [{"text": "Hello"}, {"text": "there."}]}).text == "Hello there."


@pytest.mark.parametrize(
    ("language", "code"), [("en", "en"), ("DE", "de"), ("english", ""), (None, ""), (7, ""), ("e1", "")]
)
def test_only_codes_are_languages(language: object, code: str) -> None:
    assert read({"text": "x", "language": language}).language == code


@pytest.mark.parametrize("value", ["-1", None, True, float("nan"), float("inf"), 10**400, [1]])
def test_numbers_that_are_none(value: object) -> None:
    (segment,) = read({"text": "x", "segments": [{"text": "x", "avg_logprob": value}]}).segments
    assert segment.logprob is None


@pytest.mark.parametrize(
    ("body", "words", "retryable"),
    [
        (b"", "nothing", True),
        (b"{", "damaged JSON", True),
        (b"[" * 100_000, "damaged JSON", True),
        (b"<!doctype html>", "web page", False),
        (b"[]", "without a transcription", False),
        (b'{"text": null}', "without a transcription", False),
        (b'{"error": "failed to read WAV file"}', "failed to read WAV file", False),
        (b'{"error": {"message": "out of memory."}}', "out of memory", False),
    ],
)
def test_what_is_no_transcription(body: bytes, words: str, retryable: bool) -> None:
    with pytest.raises(EngineError, match=words) as raised:
        read_answer(body, where=WHERE)
    assert raised.value.retryable is retryable


def test_segments_are_judged_one_by_one() -> None:
    answer = Answer(
        "", "en", (Segment(" What time is it?", -0.2, 0.1), Segment(" Thanks for watching!", -0.6, 0.9))
    )
    found = judge(answer, SPEECH, "en")
    assert found.text == "What time is it?"
    assert found.confidence == pytest.approx(exp(-0.2))


def test_confidence_is_weighted_by_words() -> None:
    answer = Answer(
        "One two three four.", "", (Segment(" One two three", -0.1, 0.0), Segment(" four.", -0.5, 0.0))
    )
    found = judge(answer, SPEECH, "")
    assert found.text == "One two three four."
    assert found.confidence == pytest.approx(exp(-0.2))


def test_without_a_probability_of_no_speech_all_is_judged_at_once() -> None:
    # "you" alone would be taken for made up, at that probability
    answer = Answer("And so I thank you", "", (Segment(" And so I thank", -0.2), Segment(" you", -0.9)))
    assert judge(answer, SPEECH, "en").text == "And so I thank you"


def test_a_made_up_phrase_in_steady_noise_is_left_out() -> None:
    hum = (3_000 * np.sin(np.arange(3 * RATE) * 0.1)).astype(np.int16)
    assert judge(Answer("Thank you."), hum, "en").text == ""
    assert judge(Answer("Thank you."), SPEECH, "en").text == "Thank you."
    assert judge(Answer("Open the door."), hum, "en").text == "Open the door."


def test_a_loop_is_cut_where_nobody_could_have_said_it() -> None:
    loop = "I am going to go. " * 40
    assert judge(Answer(loop), SPEECH, "en").text == "I am going to go."
    segments = tuple(Segment(" I am going to go.", -0.2, 0.1) for _ in range(30))
    assert judge(Answer(loop, "", segments), SPEECH, "en").text == "I am going to go."
    assert judge(Answer("No, no, no, no, no, no, no."), SPEECH, "en").text == "No, no, no, no, no, no, no."


def test_the_language_asked_for_comes_before_the_one_found() -> None:
    assert judge(Answer("Guten Tag.", "de"), SPEECH, "").language == "de"
    assert judge(Answer("Guten Tag.", "de"), SPEECH, "en").language == "en"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
SEGMENT = st.fixed_dictionaries(
    {"text": st.text(max_size=30) | JSON}, optional={"avg_logprob": JSON, "no_speech_prob": JSON}
)
ANSWER = st.fixed_dictionaries(
    {"text": st.text(max_size=60) | JSON},
    optional={"language": JSON, "segments": st.lists(SEGMENT | JSON, max_size=40) | JSON, "error": JSON},
)


@given(
    st.binary(max_size=200)
    | (ANSWER | JSON).map(lambda data: json.dumps(data).encode())
    | ANSWER.map(lambda data: json.dumps(data).encode()[:-5])
)
def test_any_answer_is_a_transcript_or_an_error(body: bytes) -> None:
    try:
        answer = read_answer(body, where=WHERE)
    except EngineError as error:
        told = str(error)
    else:
        told = ""
    assert len(told) < 1000
    if told:
        return
    found = judge(answer, SPEECH, "en")
    found.text.encode()
    assert "\n" not in found.text
    assert found.confidence is None or 0 <= found.confidence <= 1
    assert found.audio_s == 3


def test_a_very_long_answer_costs_little() -> None:
    body = json.dumps({"text": "a" * 3_000_000, "segments": [{"text": " b"} for _ in range(50_000)]}).encode()
    assert len(judge(read_answer(body, where=WHERE), SPEECH, "en").text) <= 4_000
