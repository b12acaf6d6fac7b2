"""The server stops, or a person ends the call: with a word, or at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.core.session.call import Call

from voicebot.events import AgentClause, AgentTurnEnded, CallEnded, LimitReached
from voicebot.session import Session
from voicebot.testing import Say, Silence, run_virtual

TEXTS = {"closing": "We close."}


def part(
    held: Call, at_s: float, *, twice: bool = False, how: Callable[[Session], None] = Session.say_goodbye
) -> float:
    """Hold the call, say at that time that the server stops, and say how long it went on then."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        holding = loop.create_task(held.arun())
        await asyncio.sleep(at_s)
        assert held.session is not None
        how(held.session)
        if twice:
            await asyncio.sleep(0.2)
            how(held.session)
        said_s = loop.time()
        await holding
        return loop.time() - said_s

    return run_virtual(main())


def call(*script: Say | Silence, text: str = "We close.") -> Call:
    access = {"max_call_s": None, "idle_s": None, "texts": {"closing": text}}
    return Call(
        script, texts=["one"], replies=["An answer that is long enough to be cut. " * 8], access=access
    )


@pytest.mark.parametrize("twice", [False, True])
def test_it_is_said_and_heard_whole(twice: bool) -> None:
    held = call(Silence(600))
    assert part(held, 5.0, twice=twice) < 3.0
    (ended,) = [event for event in held.observed if isinstance(event, AgentTurnEnded)]
    assert (ended.heard_text, ended.reason) == ("We close.", "finished")
    assert [event.limit for event in held.observed if isinstance(event, LimitReached)] == ["drain_s"]
    assert [event.reason for event in held.observed if isinstance(event, CallEnded)] == ["hung_up"]


def test_an_answer_that_is_being_given_gives_way() -> None:
    held = call(Say(1.0), Silence(600))
    assert part(held, 4.0) < 3.0
    said = [event.text for event in held.observed if isinstance(event, AgentClause)]
    assert said[0].startswith("An answer")
    assert said[-1] == "We close."


def test_a_user_who_speaks_does_not_hold_it_up() -> None:
    assert part(call(Say(600)), 4.0) < 3.0


def test_without_a_word_it_ends_at_once() -> None:
    held = call(Silence(600), text="")
    assert part(held, 5.0) < 0.5
    assert not [event for event in held.observed if isinstance(event, AgentClause)]


def test_whose_wish_it_was_is_told() -> None:
    held = call(Silence(600))
    part(held, 5.0, how=lambda session: session.say_goodbye("operator"))
    assert [event.limit for event in held.observed if isinstance(event, LimitReached)] == ["operator"]


@pytest.mark.parametrize("script", [Silence(600), Say(600)])
@pytest.mark.parametrize("twice", [False, True])
def test_hung_up_it_ends_at_once(script: Say | Silence, twice: bool) -> None:
    held = call(script)
    assert part(held, 5.0, twice=twice, how=Session.hang_up) < 0.5
    assert [event.reason for event in held.observed if isinstance(event, CallEnded)] == ["hung_up"]
    assert not [event for event in held.observed if isinstance(event, AgentClause)]


def test_hung_up_amid_an_answer() -> None:
    held = call(Say(1.0), Silence(600))
    assert part(held, 4.0, how=Session.hang_up) < 0.5
    (ended,) = [event for event in held.observed if isinstance(event, AgentTurnEnded)]
    assert ended.reason == "interrupted"


def test_hung_up_amid_its_goodbye() -> None:
    def both(session: Session) -> None:
        session.say_goodbye("operator")
        asyncio.get_running_loop().call_later(0.3, session.hang_up)

    assert part(call(Silence(600), text="A long goodbye. " * 12), 5.0, how=both) < 0.6
