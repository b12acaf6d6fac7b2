"""The recorded user's side: voice activity, recognition and the end of turns, as they were."""

from __future__ import annotations

import asyncio
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from hashlib import blake2b

from voicebot.audio import AudioChunk, Samples
from voicebot.clock import now
from voicebot.interfaces import FinalTranscript, InterimTranscript, TurnContext, TurnVerdict
from voicebot.replaying import lines
from voicebot.replaying.asking import digest_of
from voicebot.replaying.player import Player, ending
from voicebot.replaying.recording import Recording, Request
from voicebot.replaying.shelf import Course, Shelf, raise_failure

__all__ = ["STTPlayer", "TurnPlayer", "VADPlayer"]

NEAR_S = 1.5
"""Utterances that begin so much sooner or later count as the same, and so do transcripts of so much more or less."""


class VADPlayer(Player):
    kind = "vad"
    sample_rate = 16_000

    def __init__(self, recording: Recording, link: int, course: Course) -> None:
        super().__init__(recording, link, course)
        self.window_samples = self.facts.window_samples
        self._windows = recording.windows

    def start(self) -> _WindowPlayer:
        return _WindowPlayer(self._windows, self._course, in_order=self._in_order)


class _WindowPlayer:
    """The recorded probabilities, each for the window that it is of."""

    def __init__(self, windows: Sequence[lines.Window], course: Course, *, in_order: bool) -> None:
        self._by_sound: defaultdict[int, deque[lines.Window]] = defaultdict(deque)
        self._course = course
        self._in_order = in_order
        for window in windows:
            self._by_sound[0 if in_order else window.crc].append(window)

    def process(self, window: Samples) -> float:
        waiting = self._by_sound[0 if self._in_order else zlib.crc32(window.tobytes())]
        if not waiting:
            # It was dropped before the detector came to it; or it is the silence after the recording's end.
            if window.any():
                self._course.cannot("vad", "a window of the user's audio: it is taken for silence")
            return 0.0
        recorded = waiting.popleft()
        if recorded.failure is not None:
            raise_failure(recorded.failure)
        return recorded.p

    def reset(self) -> None: ...


class STTPlayer(Player):
    kind = "stt"

    def __init__(self, recording: Recording, link: int, course: Course) -> None:
        super().__init__(recording, link, course)
        self.max_utterance_s = self.facts.max_utterance_s
        self._utterances = self._shelf(lines.UtteranceBegun)
        self._finals = self._shelf(lines.Finalize)

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> _UtterancePlayer:
        return _UtterancePlayer(self._utterances, self._finals, self._course, on_interim)


class _UtterancePlayer:
    def __init__(
        self,
        utterances: Shelf[lines.UtteranceBegun],
        finals: Shelf[lines.Finalize],
        course: Course,
        on_interim: Callable[[InterimTranscript], None],
    ) -> None:
        self._utterances, self._finals, self._course = utterances, finals, course
        self._on_interim = on_interim
        self._began_s = now()
        self._digest = blake2b(digest_size=8)
        self._audio_s = 0.0
        self._begun = False
        self._request: Request | None = None
        self._timers: list[asyncio.TimerHandle] = []

    def push(self, chunk: AudioChunk) -> None:
        if not self._begun:
            self._begin(digest_of(chunk.samples))
        self._digest.update(chunk.samples.tobytes())
        self._audio_s += chunk.duration_s
        over = None if self._request is None else self._request.over
        if over is not None and over.failure is not None and now() - self._began_s >= over.after_s:
            raise_failure(over.failure)

    async def finalize(self) -> FinalTranscript:
        audio, audio_s = self._digest.hexdigest(), round(self._audio_s, 6)
        utterance = None if self._request is None else self._request.asked.id

        def far(asked: lines.Finalize) -> float | None:
            if asked.utterance != utterance or abs(asked.audio_s - audio_s) > NEAR_S:
                return None
            return 0.0 if asked.audio == audio else 0.001 + abs(asked.audio_s - audio_s)

        found = self._finals.take(far, again=True)
        what = f"{audio_s:.2f} s of an utterance, as text"
        if found is None:
            raise self._course.cannot("stt", what)
        for given in found.given:
            if isinstance(given, lines.Final):
                await asyncio.sleep(given.after_s)
                return FinalTranscript(given.text, given.audio_s, given.language, given.confidence)
        await ending(found, self._course, what)
        raise self._course.cannot("stt", what)

    async def aclose(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _begin(self, head: str) -> None:
        self._begun = True
        t = self._course.t()

        def far(asked: lines.UtteranceBegun) -> float | None:
            if asked.head == head:
                return 0.0
            apart_s = abs(asked.t - t)
            return None if apart_s > NEAR_S else 0.001 + apart_s

        self._request = self._utterances.take(far)
        if self._request is None:
            self._course.cannot("stt", "this utterance")
            return
        loop = asyncio.get_running_loop()
        for given in self._request.given:
            if isinstance(given, lines.Interim):
                interim = InterimTranscript(given.text, given.audio_s, given.faded)
                self._timers.append(loop.call_at(self._began_s + given.after_s, self._on_interim, interim))


class TurnPlayer(Player):
    kind = "turn"

    def __init__(self, recording: Recording, link: int, course: Course) -> None:
        super().__init__(recording, link, course)
        self._verdicts = self._shelf(lines.Predict)

    async def predict(self, context: TurnContext) -> TurnVerdict:
        audio, t = digest_of(context.audio), self._course.t()

        def far(asked: lines.Predict) -> float | None:
            # The words so far may have come a moment sooner or later than in the call.
            if asked.audio == audio:
                return 0.0
            apart_s = abs(asked.t - t)
            return None if apart_s > NEAR_S else 0.01 + apart_s

        found = self._verdicts.take(far)
        if found is None:
            raise self._course.cannot("turn", f"a verdict on {context.text!r}")
        for given in found.given:
            if isinstance(given, lines.Verdict):
                await asyncio.sleep(given.after_s)
                return TurnVerdict(given.delay_ms, given.probability, given.again_ms)
        await ending(found, self._course, f"the verdict on {context.text!r}")
        raise self._course.cannot("turn", f"a verdict on {context.text!r}")
