"""llama.cpp's server, used in the process. Everything here blocks and belongs in one worker thread."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicebot.errors import EngineError, ModelError
from voicebot.interfaces import ChatMessage, TokenUsage
from voicebot_llm_llamacpp.config import LlamaCppConfig

__all__ = ["Chunk", "Engine", "read_chunk"]

BATCH = 64
"""Prompt tokens per step: a request can be cancelled between steps."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one callback of the server tells."""

    text: str = ""
    prompt_tokens: int = 0
    """Length of the whole prompt; known before any of it is evaluated, and 0 where this chunk does not say."""
    usage: TokenUsage | None = None
    error: str = ""
    too_long: bool = False
    """The error is that the prompt does not fit the context; `prompt_tokens` is set."""


def read_chunk(data: dict[str, Any]) -> Chunk:
    """Read a chunk of an OpenAI-style streamed chat completion, with llama.cpp's additions."""
    if error := data.get("error"):
        too_long = error.get("type") == "exceed_context_size_error"
        return Chunk(
            error=str(error.get("message", error)),
            too_long=too_long,
            prompt_tokens=int(error.get("n_prompt_tokens", 0)),
        )
    choices = data.get("choices") or [{}]
    # A character of several tokens comes whole; one that is unfinished when the answer ends comes as U+FFFD.
    text = (choices[0].get("delta", {}).get("content") or "").replace("\ufffd", "")
    usage = None
    if counts := data.get("usage"):
        cached = (counts.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        usage = TokenUsage(counts["prompt_tokens"], counts["completion_tokens"], cached)
    return Chunk(text=text, prompt_tokens=data.get("prompt_progress", {}).get("total", 0), usage=usage)


class Engine:
    """A loaded model.

    Args:
        path: the .gguf file.
        threads: CPU threads.

    Raises:
        ModelError: the file is not a GGUF file.
        EngineError: llama.cpp cannot load it.
    """

    def __init__(self, path: Path, config: LlamaCppConfig, threads: int) -> None:
        _check_gguf(path)
        # Threads that wait must sleep: with the default they spin, and when another process needs a core two threads
        # become many times slower than one. Read once, when libgomp is loaded; a user's own setting stands.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = config.context_tokens
        params.n_parallel = 1
        params.n_batch = params.n_ubatch = BATCH
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.verbosity = -1
        params.warmup = False  # it would hold the GIL; our own first request does not
        params.fit_params = False
        params.cache_ram_mib = 0  # one conversation at a time: its prompt stays in the context itself
        # The server also listens on a local port, unasked: nobody else is to use it or read the conversation.
        params.api_keys = [secrets.token_urlsafe(32)]
        params.endpoint_slots = params.endpoint_props = params.ui = False
        params.n_threads_http = 1
        try:
            self._server = xllamacpp.Server(params)
        except Exception as error:
            raise EngineError(
                f"llama.cpp cannot load the model {path}: {error}",
                hint="The file may be damaged or of a kind that the installed xllamacpp does not know.",
            ) from error
        self._config = config

    def chat(
        self, messages: Sequence[ChatMessage], on_chunk: Callable[[Chunk], bool], max_tokens: int
    ) -> None:
        """Answer `messages`; `on_chunk` is called in this thread and returns True to stop.

        Raises:
            EngineError: the request was refused.
        """
        config = self._config
        request = {
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": max_tokens,
            "temperature": config.temperature,
            "top_p": config.top_p,
            "repeat_penalty": config.repeat_penalty,
            "seed": config.seed,
            "cache_prompt": True,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "chat_template_kwargs": {"enable_thinking": False},
        }
        failures: list[Exception] = []

        def on_data(data: dict[str, Any]) -> bool:
            try:
                return on_chunk(read_chunk(data))
            except Exception as error:  # the server would swallow it
                failures.append(error)
                return True

        try:
            self._server.handle_chat_completions(request, on_data)
        except Exception as error:
            raise EngineError(f"llama.cpp refused the request: {error}") from error
        if failures:
            raise failures[0]


def _check_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(
            f"The model {path} cannot be read: {error.strerror}.",
            hint="`model` must name a single .gguf file.",
        ) from error
    if magic != b"GGUF":
        raise ModelError(
            f"The model {path} is not a GGUF file.", hint="`model` must name a single .gguf file."
        )
