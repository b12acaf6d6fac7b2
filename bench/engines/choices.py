"""Which engines the matrix combines, as sections of a profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from tests.support.llama_server import KEY

from voicebot.errors import VoicebotError
from voicebot.interfaces import Kind
from voicebot.models import ModelStore
from voicebot.models.fetch import pull
from voicebot.plugins import Section, ensure_installed, find_plugin, load

__all__ = ["CHOICES", "KINDS", "Choice", "Combination", "combinations", "missing", "section"]

KINDS: tuple[Kind, ...] = ("stt", "turn", "llm", "tts")
"""What is combined, in the order in which the calls are held: the last one changes with every call."""


@dataclass(frozen=True, eq=False)
class Choice:
    """An engine with its settings."""

    kind: Kind
    use: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`{address}` in a text is that of `server`."""
    server: str = ""
    """The server that it asks, if it is one of the bench's: see `servers`."""

    def profile(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Its section of a profile."""
        address = addresses.get(self.server, "")
        filled = {
            name: value.format(address=address) if isinstance(value, str) else value
            for name, value in self.settings.items()
        }
        return {"use": self.use, **filled}


Combination = tuple[Choice, ...]
"""One of each kind, in the order of `KINDS`."""

_ANSWER = "The capital of France is Paris."
_SERVED_LLM = {
    "base_url": "{address}/openai/v1",
    "api_key": KEY,
    "model": "smollm2-135m-instruct",
    "temperature": 0.0,
    "max_tokens": 40,
}

# The same weights for all of a kind, where they are weights: what differs is the engine.
CHOICES: tuple[Choice, ...] = (
    Choice("stt", "whispercpp", {"model": "whisper-tiny.en-ggml-q8_0"}),
    Choice("stt", "fasterwhisper", {"model": "whisper-tiny.en-ct2"}),
    Choice(
        "stt",
        "openai",
        {"base_url": "{address}/v1", "model": "whisper-1", "check_model": False, "warmup_request": True},
        server="whisper",
    ),
    Choice("llm", "llamacpp", {"model": "smollm2-135m-instruct"}),
    Choice("llm", "openai", {**_SERVED_LLM, "warmup_request": True}, server="llama"),
    Choice("llm", "groq", {**_SERVED_LLM, "warmup_request": True}, server="llama"),
    Choice("llm", "stub", {"ttft_ms": 120, "tokens_per_s": 400, "replies": [_ANSWER]}),
    Choice("tts", "espeak"),
    Choice("tts", "piper"),
    Choice("tts", "opentts", {"base_url": "{address}", "voice": "coqui-tts:en_ljspeech"}, server="opentts"),
    Choice("turn", "silence"),
    Choice("turn", "smart"),
)


def combinations(choices: Sequence[Choice], only: Sequence[tuple[str, str]] = ()) -> Iterator[Combination]:
    """All of them, or those of the engines that `only` names, as in ("llm", "stub"), for the kinds that it names."""

    def wanted(choice: Choice) -> bool:
        named = {name for kind, name in only if kind == choice.kind}
        return not named or choice.use in named

    of_kind = [[choice for choice in choices if choice.kind == kind and wanted(choice)] for kind in KINDS]
    yield from product(*of_kind)


def section(choice: Choice) -> Section:
    """The plugin and its settings.

    Raises:
        PluginError: it is not installed.
        ValidationError: its settings are none of its own.
    """
    info = find_plugin(choice.kind, choice.use)
    provider_class = load(info)
    settings = choice.profile({choice.server: "http://127.0.0.1"})
    del settings["use"]
    return Section(info, provider_class, provider_class.Config.model_validate(settings))


def missing(choice: Choice, store: ModelStore) -> str:
    """Why this engine cannot be had on this machine, or "". Its models are fetched where they are not there."""
    try:
        chosen = section(choice)
        ensure_installed(chosen.info, chosen.provider_class)
        models = chosen.provider_class.required_models(chosen.config)
        pull([model for model in models if not store.status(model).present], store)
    except VoicebotError as error:
        return str(error)
    return ""
