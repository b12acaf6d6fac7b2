from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from typing import ClassVar

from pydantic import BaseModel

from voicebot.audio import Samples
from voicebot.interfaces import Capabilities, FinalTranscript, InterimTranscript, ProviderContext
from voicebot.recognition import SAMPLE_RATE
from voicebot.recognition.context import MAX_S
from voicebot.recognition.evidence import is_silent
from voicebot.servers.client import Refused, body_of
from voicebot.servers.failures import said
from voicebot.servers.line import Line
from voicebot.wav import read_wav
from voicebot_stt_openai.answer import judge, read_answer
from voicebot_stt_openai.clip import Clip, encode
from voicebot_stt_openai.config import OpenAISTTConfig
from voicebot_stt_openai.utterance import RemoteUtterance

__all__ = ["OpenAISTT"]


class OpenAISTT:
    """Speech recognition behind an OpenAI-compatible server's `/audio/transcriptions`.

    Nothing is tried twice but a request that the server refuses because it does not know `verbose_json`: it is sent
    with `json`, and so are all later ones.
    """

    Config: ClassVar[type[BaseModel]] = OpenAISTTConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        interim=True, sample_rates=(SAMPLE_RATE,), needs_network=True, licence="Apache-2.0"
    )
    max_utterance_s = MAX_S

    def __init__(self, config: OpenAISTTConfig, context: ProviderContext) -> None:
        self._config = config
        spoken = context.language if config.language is None else config.language
        self._language = spoken.partition("-")[0].lower()
        self._form: str = config.response_format
        self._line = Line(
            config,
            "The speech recogniser",
            what=f"transcriptions at {config.path}",
            settings="`model`, `base_url` (it usually ends in /v1) and `path`",
        )

    @classmethod
    def required_models(cls, config: OpenAISTTConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Connect, and see that the server knows the key and the model, as far as it tells before it is asked.

        Raises:
            EngineError: it does not, or there is no such server.
        """
        await self._line.look()
        if self._config.warmup_request:
            await self._ask(await asyncio.to_thread(_recording))
        self._line.keep_open()

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> RemoteUtterance:
        return RemoteUtterance(self._ask, on_interim, self._config.interim_interval_ms)

    async def _ask(self, samples: Samples) -> FinalTranscript:
        """Cancelling it closes the connection at once.

        Raises:
            EngineError: closed; the server cannot be reached, refuses, fails, or sends what is no transcription.
        """
        if is_silent(samples):
            return FinalTranscript("", len(samples) / SAMPLE_RATE)
        line = self._line
        if self._config.upload == "flac":
            clip = await asyncio.to_thread(encode, samples, "flac")
        else:
            clip = encode(samples, "wav")
        while True:
            form = self._form
            try:
                body = await self._upload(self._fields(form), clip)
                break
            except Refused as refused:
                if not self._adapt(form, said(refused.body, line.secrets), refused.status):
                    raise line.explain(refused) from None
        return judge(read_answer(body, where=line.where, secrets=line.secrets), samples, self._language)

    async def _upload(self, fields: dict[str, str], clip: Clip) -> bytes:
        files = {"file": (clip.name, clip.data, clip.kind)}
        headers = {"Accept": "application/json"}
        async with self._line.post(self._config.path, data=fields, files=files, headers=headers) as response:
            return await body_of(response)

    def _fields(self, form: str) -> dict[str, str]:
        config = self._config
        fields = {"model": config.model, "response_format": form}
        if self._language:
            fields["language"] = self._language
        if config.prompt:
            fields["prompt"] = config.prompt
        if config.temperature is not None:
            fields["temperature"] = f"{config.temperature:g}"
        return {**fields, **config.extra_fields}

    def _adapt(self, form: str, complaint: str, status: int) -> bool:
        """Learn the server's format from what it refused; False where there is nothing to learn."""
        if status not in {400, 422} or form == "json":
            return False
        if "response_format" not in complaint and "verbose_json" not in complaint:
            return False
        self._form = "json"
        return True

    async def aclose(self) -> None:
        await self._line.aclose()


def _recording() -> Samples:
    with as_file(files("voicebot") / "samples" / "question.wav") as path:
        return read_wav(path).samples
