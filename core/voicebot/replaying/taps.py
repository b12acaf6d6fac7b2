"""Which engines are tapped, and who records now."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from voicebot.engines import Engine
from voicebot.interfaces import Kind, Provider
from voicebot.replaying.about import EngineFacts
from voicebot.replaying.recorder import Recorder
from voicebot.replaying.tapped_engines import TAPS

__all__ = ["Taps"]

P = TypeVar("P", bound=Provider)


@dataclass(slots=True)
class Taps:
    """The taps of a set of engines.

    Attributes:
        recorder: of the call that is on; None where it is not recorded.
    """

    recorder: Recorder | None = None
    engines: dict[Kind, list[Engine[Any]]] = field(default_factory=dict)

    def tap(self, engine: Engine[P]) -> Engine[P]:
        """The same engine with a tap; those of a chain in their order. What is no engine of a session's gets none."""
        if engine.kind not in TAPS:
            return engine
        chain = self.engines.setdefault(engine.kind, [])
        chain.append(engine)
        tapped: Any = TAPS[engine.kind](engine.provider, engine.kind, len(chain) - 1, lambda: self.recorder)
        return replace(engine, provider=tapped)

    def facts(self) -> dict[Kind, tuple[EngineFacts, ...]]:
        """What a replay must know of them."""
        return {kind: tuple(map(_facts, chain)) for kind, chain in self.engines.items()}


def _facts(engine: Engine[Any]) -> EngineFacts:
    provider = engine.provider
    return EngineFacts(
        plugin=engine.name,
        distribution=engine.distribution,
        tools=engine.kind == "llm" and provider.capabilities.tools,
        window_samples=provider.window_samples if engine.kind == "vad" else 0,
        max_utterance_s=provider.max_utterance_s if engine.kind == "stt" else 0.0,
    )
