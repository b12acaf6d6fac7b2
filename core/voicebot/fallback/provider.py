"""What the chains of all kinds share: to the core each is one provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from voicebot.engines import Engine
from voicebot.events import FallbackEvent
from voicebot.fallback.chain import Chain, LinkHealth
from voicebot.interfaces import Capabilities, Provider

__all__ = ["FallbackProvider"]

P = TypeVar("P", bound=Provider)


class _NoSettings(BaseModel):
    """Each engine of a chain has its own."""

    model_config = ConfigDict(extra="forbid")


class FallbackProvider(Generic[P]):
    """A chain of engines as one provider.

    It keeps the deadlines of warm-up and requests itself, so that a failure is counted against the engine that it is
    of: whoever asks it sets none of its own.
    """

    Config: ClassVar[type[BaseModel]] = _NoSettings
    capabilities: ClassVar[Capabilities] = Capabilities()
    keeps_deadlines: ClassVar[bool] = True

    def __init__(self, chain: Chain[P]) -> None:
        self._chain = chain
        every = [link.engine.provider.capabilities for link in chain.links]
        # Those of the preferred one; a class variable elsewhere, since a plugin's class knows its engine.
        self.capabilities = replace(  # type: ignore[misc]
            every[0],
            interim=any(one.interim for one in every),
            tools=any(one.tools for one in every),
            needs_network=any(one.needs_network for one in every),
        )

    @classmethod
    def required_models(cls, config: Any) -> Sequence[str]:
        return ()

    @property
    def engines(self) -> list[Engine[P]]:
        """The preferred one first."""
        return [link.engine for link in self._chain.links]

    @property
    def warm_engines(self) -> list[Engine[P]]:
        """Those whose warm-up succeeded."""
        return [link.engine for link in self._chain.links if link.warm]

    @property
    def on_fallback(self) -> Callable[[FallbackEvent], None]:
        """Called with every attempt that failed."""
        return self._chain.on_fallback

    @on_fallback.setter
    def on_fallback(self, tell: Callable[[FallbackEvent], None]) -> None:
        self._chain.on_fallback = tell

    def health(self) -> list[LinkHealth]:
        """What is known of each engine, in order."""
        return self._chain.health()

    def warm_up_again(self) -> None:
        """Begin to warm up those that were not ready and whose time has come; does not wait for it."""
        self._chain.warm_up_again()

    async def warmup(self) -> None:
        """Warm up all at once; one that is ready is enough, and the others are tried again later.

        Raises:
            VoicebotError: none is ready; what was wrong with the preferred one.
        """
        await self._chain.warmup()

    async def aclose(self) -> None:
        await self._chain.aclose()
