"""What is asked of every kind of provider."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import update_wrapper
from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel

from voicebot.errors import VoicebotError
from voicebot.interfaces import Capabilities, Provider
from voicebot.testing.conformance.life import Remains, live
from voicebot.testing.conformance.rules import ConformanceError, expect, only_ours, within

__all__ = ["ProviderConformance", "checked"]

P = TypeVar("P", bound=Provider)
C = TypeVar("C", bound="ProviderConformance[Any]")


class _Stage(Generic[P]):
    """What the checks of one class share: an event loop, a provider that was warmed up, and what they have found."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.provider: P | None = None
        self.found: dict[str, Any] = {}

    def close(self, limit_s: float) -> None:
        try:
            if self.provider is not None:
                self.runner.run(_close(self.provider, limit_s))
        finally:
            self.runner.close()


class ProviderConformance(Generic[P]):
    """Checks that pytest collects from a subclass whose name begins with `Test`.

    Attributes:
        limit_s: the longest that any one check may take, loading aside.
        cancel_s: how long cancelled work may go on.
        rest_s: how long the process must rest for its work to count as done.
        held_bytes: what may be held for a reader that does not read, or of what is closed.
    """

    limit_s: float = 60.0
    cancel_s: float = 10.0
    rest_s: float = 0.2
    held_bytes: int = 4 << 20

    def make(self) -> P:
        """A provider that is not warmed up; each time another one."""
        raise NotImplementedError("give make(): it returns a fresh provider")

    def make_broken(self) -> P:
        """A provider that cannot work: its model is no model, or nothing listens at its server's address."""
        pytest.skip("make_broken() is not given")

    async def first_result(self, provider: P) -> object:
        """Ask for something, and return with the first of it (each kind's own)."""
        raise NotImplementedError

    async def first(self, provider: P) -> Any:
        """What the shared provider's `first_result` is. It is asked once: a heavy engine is slow enough."""
        found = self.stage.found
        if "first" not in found:
            began_s = time.perf_counter()
            found["first"] = await self.first_result(provider)
            found["first_ms"] = 1000 * (time.perf_counter() - began_s)
        return found["first"]

    @classmethod
    def teardown_class(cls) -> None:
        stage: _Stage[P] | None = cls.__dict__.get("_stage")
        if stage is not None:
            del cls._stage  # type: ignore[attr-defined]
            stage.close(cls.limit_s)

    @property
    def stage(self) -> _Stage[P]:
        kind: Any = type(self)
        if "_stage" not in kind.__dict__:
            kind._stage = _Stage()
        stage: _Stage[P] = kind._stage
        return stage

    def run(self, work: Callable[[P], Awaitable[None]]) -> None:
        """On the shared loop, with the shared provider."""
        __tracebackhide__ = True
        stage = self.stage

        async def main() -> None:
            __tracebackhide__ = True
            if stage.provider is None:
                provider = self.make()
                try:
                    await provider.warmup()
                except BaseException:
                    await provider.aclose()
                    raise
                stage.provider = provider
            await within(self.limit_s, work(stage.provider), _hangs(self.limit_s))

        try:
            stage.runner.run(main())
        except ConformanceError as error:
            # The sentence says it; where the event loop was then says nothing.
            raise error.with_traceback(None) from error.__cause__

    def _remains(self) -> Remains:
        found = self.stage.found
        if "remains" not in found:

            async def use(provider: P) -> None:
                await within(self.limit_s, self.first_result(provider), _hangs(self.limit_s))

            async def close(provider: P) -> None:
                await _close(provider, self.limit_s)

            self.run(self.first)
            found["remains"] = live(self.make, use, close, self.cancel_s)
        remains: Remains = found["remains"]
        return remains

    # --- settings ---

    def test_it_is_a_provider(self) -> None:
        """It has `Config`, a pydantic model, and `capabilities`."""
        provider = type(self.make())
        config, capabilities = (getattr(provider, name, None) for name in ("Config", "capabilities"))
        expect(isinstance(config, type) and issubclass(config, BaseModel), "Its Config is no pydantic model.")
        expect(isinstance(capabilities, Capabilities), "Its capabilities are no Capabilities.")

    def test_config_refuses_unknown_keys(self) -> None:
        """A misspelt key in a profile is an error."""
        config = type(self.make()).Config
        expect(
            config.model_config.get("extra") == "forbid",
            'Its Config takes unknown keys: give it model_config = ConfigDict(extra="forbid").',
        )

    def test_config_describes_every_setting(self) -> None:
        """`voicebot plugins show` has something to say about each setting."""
        fields = type(self.make()).Config.model_fields
        bare = [name for name, field in fields.items() if not field.description]
        expect(not bare, f"Settings without a description: {', '.join(bare)}.")

    # --- a life ---

    def test_warmup_may_come_again(self) -> None:
        """`warmup()` twice is fine."""

        async def check(provider: P) -> None:
            try:
                await provider.warmup()
                await self.first_result(provider)
            except Exception as error:
                raise ConformanceError(f"After a second warmup() it raised {error!r}.") from error

        self.run(check)

    def test_aclose_before_warmup(self) -> None:
        """`aclose()` of one that was never warmed up is fine, and again."""

        async def check(_: P) -> None:
            provider = self.make()
            for _time in range(2):
                try:
                    await provider.aclose()
                except Exception as error:
                    raise ConformanceError(f"aclose() without warmup() raised {error!r}.") from error

        self.run(check)

    def test_aclose_may_come_again(self) -> None:
        """`aclose()` twice is fine."""
        error = self._remains().closed_again
        expect(error is None, f"A second aclose() raised {error!r}.")

    def test_no_task_is_left(self) -> None:
        """Its tasks end with `aclose()`."""
        tasks = self._remains().tasks
        expect(not tasks, f"Tasks are left after aclose(): {', '.join(tasks)}.")

    def test_no_thread_is_left(self) -> None:
        """Its threads end with `aclose()`, within `cancel_s`."""
        threads = self._remains().threads
        expect(not threads, f"Threads are left after aclose(): {', '.join(threads)}.")

    def test_no_descriptor_is_left(self) -> None:
        """Its files and sockets are closed with `aclose()`."""
        count = self._remains().descriptors
        expect(not count, f"Files or sockets are left open after aclose(): {count}.")

    # --- failures ---

    def test_before_warmup_it_fails_as_ours(self) -> None:
        """Used before `warmup()`, it works or raises a `VoicebotError`."""

        async def check(_: P) -> None:
            provider = self.make()
            try:
                await only_ours("Before warmup()", self.first_result(provider))
            finally:
                with suppress(Exception):  # has a check of its own
                    await provider.aclose()

        self.run(check)

    def test_after_aclose_it_fails_as_ours(self) -> None:
        """Used after `aclose()`, it works or raises a `VoicebotError`."""
        error = self._remains().used_again
        ours = error is None or isinstance(error, VoicebotError)
        expect(ours, f"After aclose() it raised {error!r}, which is no VoicebotError.")

    def test_what_it_cannot_do_fails_as_ours(self) -> None:
        """The provider of `make_broken()` raises a `VoicebotError` at `warmup()` or when it is used."""
        broken = self.make_broken()

        async def use() -> None:
            await broken.warmup()
            await self.first_result(broken)

        async def check(_: P) -> None:
            try:
                error = await only_ours("With make_broken(),", use())
            finally:
                await broken.aclose()
            expect(error is not None, "The provider of make_broken() works.")

        self.run(check)

    # --- a figure ---

    def test_first_result_is_timed(self, record_property: Callable[[str, object], None]) -> None:
        """How long the first result takes is recorded; nothing is asked of it."""

        async def check(provider: P) -> None:
            await self.first(provider)
            taken_ms = self.stage.found["first_ms"]
            record_property("first_result_ms", round(taken_ms, 3))
            print(f"{type(provider).__name__}: first result after {taken_ms:.1f} ms")  # noqa: T201

        self.run(check)


def _hangs(limit_s: float) -> str:
    return f"It does not come to an end within {limit_s:g} s."


async def _close(provider: Provider, limit_s: float) -> None:
    await within(limit_s, provider.aclose(), _hangs(limit_s))


def checked(check: Callable[[C, Any], Awaitable[None]]) -> Callable[[C], None]:
    """A check that is handed the class's shared provider."""

    def test(self: C) -> None:
        __tracebackhide__ = True
        self.run(lambda provider: check(self, provider))

    update_wrapper(test, check)
    del test.__wrapped__  # type: ignore[attr-defined]  # pytest would take the provider for a fixture
    return test
