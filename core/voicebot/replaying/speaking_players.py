"""The recorded agent's side: the model's answers and the voice, as they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from voicebot.audio import AudioChunk
from voicebot.interfaces import (
    Capabilities,
    ChatMessage,
    LLMEvent,
    SynthesisEvent,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolSpec,
    WordMark,
)
from voicebot.replaying import lines
from voicebot.replaying.asking import message_of
from voicebot.replaying.player import GRACE_S, Player, ending
from voicebot.replaying.recording import Recording
from voicebot.replaying.shelf import Course
from voicebot.replaying.voice import Voice

__all__ = ["LLMPlayer", "TTSPlayer"]


class LLMPlayer(Player):
    kind = "llm"

    def __init__(self, recording: Recording, link: int, course: Course) -> None:
        super().__init__(recording, link, course)
        self._answers = self._shelf(lines.Generate)
        self.capabilities = Capabilities(streams=True, tools=self.facts.tools)  # type: ignore[misc]

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        asked_now = tuple(lines.Message(**message_of(message)) for message in messages)
        last = asked_now[-1]

        def far(asked: lines.Generate) -> float | None:
            if asked.messages == asked_now:
                return 0.0
            return 1.0 if asked.messages[-1:] == (last,) else None

        found = self._answers.take(far)
        if found is None:
            raise self._course.cannot("llm", f"an answer to {last.content!r}")
        for given in found.given:
            await asyncio.sleep(given.after_s)
            if isinstance(given, lines.Delta):
                yield TextDelta(given.text)
            elif isinstance(given, lines.Call):
                yield ToolCall(given.call_id, given.name, given.arguments)
            elif isinstance(given, lines.Usage):
                yield TokenUsage(given.prompt_tokens, given.completion_tokens, given.cached_tokens)
        await ending(found, self._course, f"the rest of the answer to {last.content!r}")


class TTSPlayer(Player):
    """Says what was recorded; a text that was not is said by a voice of the same speed (`voicebot.replaying.voice`)."""

    kind = "tts"

    def __init__(self, recording: Recording, link: int, course: Course) -> None:
        super().__init__(recording, link, course)
        self._clauses = self._shelf(lines.Synthesize)
        self._voice = Voice.like(recording.requests)

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        found = self._clauses.take(lambda asked: 0.0 if asked.text == text else None, again=True)
        if found is None:
            # Before the call it is the apology of engines that were warm already, of which nobody may ever hear.
            if self._course.opened_s:
                self._course.cannot("tts", f"the voice saying {text!r}: other words of it stand in")
            await asyncio.sleep(self._voice.first_s)
            yield self._voice.say(text)
            return
        for index, given in enumerate(found.given):
            await asyncio.sleep(given.after_s)
            if isinstance(given, lines.Word):
                yield WordMark(given.text, given.start_s)
            elif isinstance(given, lines.Sound):
                # A copy: whoever plays it may change it, and another replay needs it as it is.
                yield AudioChunk(found.sounds[index].copy(), given.rate)
        if not found.stopped:
            await ending(found, self._course, text)
            return
        spoken_s = sum(chunk.n / chunk.rate for chunk in found.given if isinstance(chunk, lines.Sound))
        await asyncio.sleep(found.left_s + GRACE_S)
        self._course.cannot("tts", f"the rest of {text!r}: other words of it stand in")
        yield self._voice.say(text, already_s=spoken_s)
