"""What a call worker says of its engines, and when."""

from __future__ import annotations

import asyncio

import pytest
from tests.core.fallback.support import Fault, LLMChain, Model, lasting, passing

from voicebot.engines import Engine, Engines
from voicebot.errors import EngineError
from voicebot.events import Event
from voicebot.health import LONGEST_WHY, EngineHealth, HealthWatch
from voicebot.testing import LoudnessVAD, ScriptedSTT, ScriptedTTS, ScriptedTurn, as_engine, run_virtual


class Watched:
    """Engines with a chain of models named a, b, …, and what was told of them."""

    def __init__(self, *models: Model) -> None:
        self.chain = LLMChain(*models)
        self.engines = Engines(
            as_engine("vad", LoudnessVAD()),
            as_engine("stt", ScriptedSTT()),
            as_engine("turn", ScriptedTurn()),
            Engine("llm", "a, b", "voicebot-testing", self.chain.provider),
            as_engine("tts", ScriptedTTS()),
        )
        self.told: list[list[EngineHealth]] = []
        self.watch = HealthWatch(self.engines, self.told.append)
        self.chain.provider.on_fallback = self.heard

    def heard(self, event: Event) -> None:
        self.watch.heard(event)

    @property
    def llm(self) -> list[tuple[str, str, str, str]]:
        """What was told last of the models."""
        return [(one.plugin, one.state, one.breaker, one.why) for one in self.told[-1] if one.kind == "llm"]


def test_each_engine_is_told_of_with_the_time_that_it_took() -> None:
    watched = Watched(Model("a"))
    watched.chain.models[0].warmup_s = 2.5

    async def main() -> None:
        watched.watch.look()
        assert {one.state for one in watched.told[-1]} == {"warming"}
        await watched.engines.warmup(10)
        watched.watch.look()
        watched.watch.look()

    run_virtual(main())
    assert len(watched.told) == 2
    assert [(one.kind, one.plugin, one.state) for one in watched.told[-1]] == [
        ("vad", "scripted", "ready"),
        ("stt", "scripted", "ready"),
        ("turn", "scripted", "ready"),
        ("llm", "a", "ready"),
        ("tts", "scripted", "ready"),
    ]
    assert watched.told[-1][3].warmup_ms == 2500
    assert watched.told[-1][0].warmup_ms is not None


def test_one_that_was_down_at_start_is_named_and_comes_back_by_itself() -> None:
    watched = Watched(Model("a"), Model("b"))
    down = watched.chain.models[0]
    down.fail_warmup_with = passing()

    async def main() -> None:
        await watched.engines.warmup(10)
        running = asyncio.create_task(watched.watch.run())
        await asyncio.sleep(0.5)
        assert watched.llm == [("a", "broken", "open", "the server is busy"), ("b", "ready", "closed", "")]
        down.fail_warmup_with = None
        # Nobody calls meanwhile.
        await asyncio.sleep(10)
        assert watched.llm == [("a", "ready", "closed", ""), ("b", "ready", "closed", "")]
        running.cancel()
        await asyncio.wait([running])
        await watched.engines.aclose()

    run_virtual(main())
    assert [model.asked for model in watched.chain.models] == [[], []]


def test_a_breaker_that_opens_in_a_call_says_why_until_it_has_closed() -> None:
    watched = Watched(Model("a", Fault(lasting())), Model("b"))

    async def main() -> None:
        await watched.engines.warmup(10)
        running = asyncio.create_task(watched.watch.run())
        await asyncio.sleep(0.5)
        assert await watched.chain.answer() == "I am b."
        await asyncio.sleep(1.5)
        assert watched.llm[0] == ("a", "broken", "open", "the key is wrong")
        # Its time passes without an event; then the next request tries it.
        await asyncio.sleep(5)
        assert watched.llm[0] == ("a", "ready", "half_open", "the key is wrong")
        assert await watched.chain.answer() == "I am a."
        await asyncio.sleep(1)
        assert watched.llm[0] == ("a", "ready", "closed", "")
        running.cancel()
        await asyncio.wait([running])
        await watched.engines.aclose()

    run_virtual(main())


def test_why_is_one_line_and_not_too_long() -> None:
    watched = Watched(Model("a"))
    watched.chain.models[0].fail_warmup_with = EngineError("it said:\n<html>\r\n" + "x" * 10_000)

    async def main() -> None:
        with pytest.raises(EngineError):
            await watched.engines.warmup(10)
        watched.watch.look()

    run_virtual(main())
    ((_, state, _, why),) = watched.llm
    assert state == "broken"
    assert why.startswith("it said: <html> xxx")
    assert len(why) == LONGEST_WHY + 1


# --- servers that are not there ---------------------------------------------------------------------------------------


def needing_network(watched: Watched) -> None:
    for model in watched.chain.models:
        capabilities = type(model).capabilities
        model.capabilities = type(capabilities)(needs_network=True)  # type: ignore[misc]
    watched.chain.provider = type(watched.chain.provider)(watched.chain.chain)
    watched.engines.llm = Engine("llm", "a", "voicebot-testing", watched.chain.provider)


def test_the_others_stay_warm_while_a_server_is_waited_for() -> None:
    watched = Watched(Model("a"))
    needing_network(watched)
    model, voice = watched.chain.models[0], watched.engines.tts.provider
    assert isinstance(voice, ScriptedTTS)
    model.fail_warmup_with, voice.warmup_s = passing(), 4.0

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(EngineError, match="the server is busy"):
                await watched.engines.warmup(10, finish_others=True)
        assert list(watched.engines.not_there) == ["llm"]
        model.fail_warmup_with = None
        await watched.engines.warmup(10, finish_others=True)

    run_virtual(main())
    assert (voice.warmups, model.warmups) == (1, 1)
    assert watched.engines.not_there == {}


def test_what_waiting_does_not_help_ends_the_warm_up_at_once() -> None:
    watched = Watched(Model("a"))
    needing_network(watched)
    watched.chain.models[0].fail_warmup_with = lasting()
    watched.engines.tts.provider.warmup_s = 9.0  # type: ignore[attr-defined]

    async def main() -> float:
        with pytest.raises(EngineError, match="the key is wrong"):
            await watched.engines.warmup(10, finish_others=True)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 0
    assert watched.engines.not_there == {}


def test_of_a_chain_the_one_that_may_come_back_decides() -> None:
    watched = Watched(Model("a"), Model("b"))
    needing_network(watched)
    watched.chain.models[0].fail_warmup_with = lasting()
    watched.chain.models[1].fail_warmup_with = passing()

    async def main() -> None:
        with pytest.raises(EngineError, match="the server is busy"):
            await watched.engines.warmup(10, finish_others=True)

    run_virtual(main())
    assert list(watched.engines.not_there) == ["llm"]


def test_other_events_change_nothing() -> None:
    watched = Watched(Model("a"))
    watched.watch.heard(Event(0.0))
    assert watched.told == []
