"""What every plugin must do, as checks that its author runs.

Each check takes a factory of fresh providers, runs on an event loop of its own, and raises `ConformanceError` with a
sentence that says what is wrong. Nothing is timed: a slow plugin is not a wrong one.

    def test_it_conforms() -> None:
        check_tts(lambda: MyTTS(MyConfig(), context()))
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import numpy as np
from pydantic import BaseModel

from voicebot.audio import AudioChunk, first_audible
from voicebot.interfaces import (
    LLM,
    STT,
    TTS,
    VAD,
    Capabilities,
    ChatMessage,
    EndOfTurn,
    FinalTranscript,
    InterimTranscript,
    Provider,
    TextDelta,
    TokenUsage,
    Transport,
    TurnContext,
    TurnVerdict,
    WordMark,
)

__all__ = [
    "ConformanceError",
    "check_end_of_turn",
    "check_llm",
    "check_stt",
    "check_transport",
    "check_tts",
    "check_vad",
]

P = TypeVar("P", bound=Provider)


class ConformanceError(AssertionError):
    """The plugin breaks a rule of `voicebot.interfaces`."""


def check_vad(make: Callable[[], VAD], speech: AudioChunk) -> None:
    """Probabilities are probabilities; silence is unlikely, speech is likely; `reset` forgets.

    Args:
        speech: a second or more of speech at the detector's rate.
    """

    async def check(vad: VAD) -> None:
        stream = vad.start()
        size = vad.window_samples
        _expect(speech.sample_rate == vad.sample_rate, f"give it speech at {vad.sample_rate} Hz")
        silence = np.zeros(size, np.int16)
        windows = [speech.samples[i : i + size] for i in range(0, len(speech.samples) - size + 1, size)]
        quiet = [stream.process(silence) for _ in range(10)]
        stream.reset()
        first = [stream.process(window) for window in windows]
        _expect(all(0 <= p <= 1 for p in (*quiet, *first)), "a probability lies outside 0 to 1")
        _expect(max(quiet) < 0.5, f"silence is speech to it ({max(quiet):.2f})")
        _expect(max(first) > 0.5, f"speech is silence to it ({max(first):.2f})")
        stream.reset()
        again = [stream.process(window) for window in windows]
        _expect(
            np.allclose(first, again, atol=1e-4), "after reset() the same audio gives other probabilities"
        )
        other = vad.start()
        mixed = []
        for window in windows:
            mixed.append(other.process(window))
            stream.process(silence)
        _expect(np.allclose(first, mixed, atol=1e-4), "two streams of one provider disturb each other")

    _run(make, check)


def check_stt(make: Callable[[], STT], speech: AudioChunk, words: str) -> None:
    """Transcribes, however the audio is cut; silence has no words; interims stop at `aclose`.

    Args:
        speech: 16 kHz, a few seconds.
        words: some words that its transcript must hold, in any case.
    """

    async def check(stt: STT) -> None:
        _expect(stt.max_utterance_s > 0, "max_utterance_s must be positive")
        whole = await _recognise(stt, speech, len(speech.samples))
        _expect(words.casefold() in whole.text.casefold(), f"heard {whole.text!r}, which lacks {words!r}")
        _expect(abs(whole.audio_s - speech.duration_s) < 0.05, "audio_s is not the audio's duration")
        pieces = await _recognise(stt, speech, 333)
        _expect(pieces.text == whole.text, f"cut in pieces it is {pieces.text!r}, whole {whole.text!r}")
        nothing = await _recognise(stt, AudioChunk.silence(1000, 16_000), 320)
        _expect(not nothing.text, f"it made {nothing.text!r} of silence")

        late: list[InterimTranscript] = []
        utterance = stt.start(late.append)
        half = len(speech.samples) // 2
        utterance.push(AudioChunk(speech.samples[:half], 16_000))
        await utterance.finalize()
        utterance.push(AudioChunk(speech.samples[half:], 16_000))
        superseding = await utterance.finalize()
        _expect(
            words.casefold() in superseding.text.casefold(), "finalize() after more audio forgot some of it"
        )
        await utterance.aclose()
        await utterance.aclose()
        count = len(late)
        await asyncio.sleep(0)
        _expect(len(late) == count, "on_interim was called after aclose()")

        abandoned = stt.start(late.append)
        abandoned.push(speech)
        await abandoned.aclose()
        after = await _recognise(stt, speech, 4_000)
        _expect(after.text == whole.text, "an abandoned utterance disturbed the next one")

    _run(make, check)


async def _recognise(stt: STT, speech: AudioChunk, size: int) -> FinalTranscript:
    utterance = stt.start(lambda interim: None)
    try:
        for start in range(0, len(speech.samples), size):
            utterance.push(AudioChunk(speech.samples[start : start + size], speech.sample_rate))
        return await utterance.finalize()
    finally:
        await utterance.aclose()


def check_end_of_turn(make: Callable[[], EndOfTurn]) -> None:
    """Gives a verdict on anything from nothing to eight seconds of audio."""

    async def check(turn: EndOfTurn) -> None:
        for seconds, text in ((0, ""), (0.5, "So um"), (8, "That is all, thank you.")):
            audio = AudioChunk.silence(seconds * 1000, 16_000).samples
            verdict = await turn.predict(TurnContext(audio, text))
            _expect(isinstance(verdict, TurnVerdict), f"{verdict!r} is no TurnVerdict")
            _expect(verdict.delay_ms >= 0, "a negative delay_ms")
            probability = verdict.probability
            _expect(probability is None or 0 <= probability <= 1, "a probability lies outside 0 to 1")

    _run(make, check)


def check_llm(make: Callable[[], LLM]) -> None:
    """Streams text, again and again; closing the stream stops it and spoils nothing."""
    question = [ChatMessage("system", "You are brief."), ChatMessage("user", "Say hello.")]

    async def check(llm: LLM) -> None:
        text = await _answer(llm, question)
        _expect(bool(text.strip()), "it answered nothing")
        stream = llm.generate(
            [*question, ChatMessage("assistant", text), ChatMessage("user", "Count to ten.")]
        )
        async with aclosing(stream):
            async for _ in stream:
                break
        _expect(bool((await _answer(llm, question)).strip()), "after a stream was closed it answers nothing")
        task = asyncio.create_task(_answer(llm, question))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        _expect(task.cancelled(), "cancelling a request did not end it as cancelled")
        _expect(
            bool((await _answer(llm, question)).strip()), "after a request was cancelled it answers nothing"
        )

    _run(make, check)


async def _answer(llm: LLM, messages: list[ChatMessage]) -> str:
    parts = []
    async with aclosing(llm.generate(messages)) as stream:
        async for event in stream:
            _expect(isinstance(event, TextDelta | TokenUsage), f"it yielded {event!r}")
            if isinstance(event, TextDelta):
                parts.append(event.text)
    return "".join(parts)


def check_tts(make: Callable[[], TTS]) -> None:
    """Speaks audibly at one rate, takes odd text, and stops when its stream is closed."""

    async def check(tts: TTS) -> None:
        chunks, marks = await _speak(tts, "Good morning, how are you?")
        samples = np.concatenate([chunk.samples for chunk in chunks] or [np.zeros(0, np.int16)])
        _expect(first_audible(samples) is not None, "nothing audible came out")
        rates = {chunk.sample_rate for chunk in chunks}
        _expect(len(rates) == 1, f"the sample rate changes within a clause: {sorted(rates)}")
        starts = [mark.start_s for mark in marks]
        _expect(starts == sorted(starts), "word marks are out of order")
        duration_s = len(samples) / rates.pop()
        _expect(all(0 <= start <= duration_s for start in starts), "a word mark lies outside the audio")
        for odd in ("...", "🙂", "a", "<b>[[x]]</b> & \\ $%", "word " * 300):
            if odd == "word " * 300:
                async with aclosing(tts.synthesize(odd)) as stream:
                    async for _ in stream:
                        break
            else:
                await _speak(tts, odd)
        again, _ = await _speak(tts, "Good morning, how are you?")
        length = sum(len(chunk.samples) for chunk in again)
        _expect(
            0.5 < length / len(samples) < 2, "after a stream was closed the same text sounds quite different"
        )
        first, second = await asyncio.gather(_speak(tts, "One at a time."), _speak(tts, "Two at a time."))
        _expect(bool(first[0]) and bool(second[0]), "two clauses at the same time do not both come out")

    _run(make, check)


def check_transport(make: Callable[[], Transport]) -> None:
    """Its front, if it has one, says where it listens, lets go of everything when it is cancelled, and serves again.

    Calls are not placed: how that is done is the transport's own.
    """

    async def check(transport: Transport) -> None:
        for _ in range(2):
            front = transport.front()
            if front is None:
                return
            addresses: asyncio.Queue[str] = asyncio.Queue()  # a handful: one each time it begins to listen
            serving = asyncio.create_task(front.serve(addresses.put_nowait), name="front.serve")
            listening = asyncio.create_task(addresses.get())
            try:
                await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
                if not listening.done():
                    await serving
                    raise ConformanceError("serve() ended without having listened")
                address = listening.result()
                _expect(isinstance(address, str) and bool(address), f"on_ready got {address!r}, no address")
                _expect(not serving.done(), "serve() ended by itself")
            finally:
                listening.cancel()
                serving.cancel()
                await asyncio.wait([listening, serving])
            _expect(serving.cancelled(), "cancelling serve() did not end it as cancelled")

    _run(make, check)


async def _speak(tts: TTS, text: str) -> tuple[list[AudioChunk], list[WordMark]]:
    chunks: list[AudioChunk] = []
    marks: list[WordMark] = []
    async with aclosing(tts.synthesize(text)) as stream:
        async for event in stream:
            if isinstance(event, WordMark):
                marks.append(event)
                continue
            _expect(isinstance(event, AudioChunk), f"it yielded {event!r}")
            _expect(event.samples.dtype == np.int16, f"audio is {event.samples.dtype}, not int16")
            _expect(event.samples.ndim == 1, "audio is not mono")
            chunks.append(event)
    return chunks, marks


def _run(make: Callable[[], P], check: Callable[[P], Awaitable[None]]) -> None:
    """Every kind's rules, around the ones of this kind."""
    unused = make()
    _expect(issubclass(type(unused).Config, BaseModel), "Config is no pydantic model")
    _expect(isinstance(type(unused).capabilities, Capabilities), "capabilities is no Capabilities")
    before = {thread.ident for thread in threading.enumerate()}

    async def main() -> None:
        await unused.aclose()
        provider = make()
        try:
            await provider.warmup()
            await check(provider)
        finally:
            await provider.aclose()
            await provider.aclose()
        left = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        _expect(not left, f"tasks are left after aclose(): {left}")

    asyncio.run(main())
    left = [t.name for t in threading.enumerate() if t.ident not in before and not t.daemon and t.is_alive()]
    _expect(not left, f"threads are left after aclose(): {left}")


def _expect(condition: bool, complaint: str) -> None:
    if not condition:
        raise ConformanceError(complaint)
