"""The connection to the server: the language model's, with uploads."""

from __future__ import annotations

from collections.abc import Mapping

from voicebot.errors import EngineError
from voicebot_llm_openai.failures import said
from voicebot_llm_openai.line import Line, Refused, body_of
from voicebot_stt_openai.clip import Clip
from voicebot_stt_openai.config import OpenAISTTConfig

__all__ = ["UploadLine"]


class UploadLine(Line):
    """See `voicebot_llm_openai.line.Line`."""

    def __init__(self, config: OpenAISTTConfig) -> None:
        super().__init__(config.server())
        self._path = config.path
        self._model = config.model

    async def upload(self, fields: Mapping[str, str], clip: Clip) -> bytes:
        """Send a clip and some fields; the whole answer. Cancelling this hangs up at once.

        Raises:
            Refused: the server answered something else than 2xx.
            EngineError: there was no answer, or the connection broke while it was read.
        """
        client = await self.open()
        request = client.build_request(
            "POST",
            f"{self.where}{self._path}",
            data=dict(fields),
            files={"file": (clip.name, clip.data, clip.kind)},
            headers={"Accept": "application/json"},
        )
        async with self.stream(lambda: client.send(request, stream=True)) as response:
            return await body_of(response)

    def explain(self, refused: Refused) -> EngineError:
        if refused.status == 404:
            words = said(refused.body, self.secrets).rstrip(".")
            return EngineError(
                f"{self.where} has no model {self._model!r}, or no transcriptions at {self._path}"
                f"{f': {words}' if words else ''}.",
                hint="Check `model`, `base_url` (it usually ends in /v1) and `path`.",
            )
        error = super().explain(refused)
        if refused.status in {400, 413}:
            error.hint = ""  # it is about conversations
        return error
