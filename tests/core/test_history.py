"""What the language model is told of the conversation."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.history import ChatHistory
from voicebot.interfaces import ChatMessage

SYSTEM = ChatMessage("system", "Be brief.")


def test_exchanges_follow_the_system_prompt() -> None:
    history = ChatHistory("Be brief.", 12)
    history.add_agent("Hello!")
    history.add_user("What time is it?")
    history.add_agent("Four.")
    assert history.messages() == [
        SYSTEM,
        ChatMessage("assistant", "Hello!"),
        ChatMessage("user", "What time is it?"),
        ChatMessage("assistant", "Four."),
    ]


def test_an_answer_that_was_not_heard_joins_the_questions_around_it() -> None:
    history = ChatHistory("Be brief.", 12)
    history.add_user("What time")
    history.add_agent("")
    history.add_user("is it?")
    assert history.messages() == [SYSTEM, ChatMessage("user", "What time is it?")]


def test_an_answer_that_was_cut_off_is_marked_where_the_cut_was() -> None:
    history = ChatHistory("Be brief.", 12)
    history.add_agent("Hello, I am", cut_off=True)
    history.add_user("Wait.")
    history.add_agent("It is four", cut_off=True)
    history.add_agent("", cut_off=True)
    history.add_agent("Or five", cut_off=True)
    history.add_agent("or six.")
    assert history.messages("Thanks.") == [
        SYSTEM,
        ChatMessage("assistant", "Hello, I am —"),
        ChatMessage("user", "Wait."),
        ChatMessage("assistant", "It is four — Or five — or six."),
        ChatMessage("user", "Thanks."),
    ]


@pytest.mark.parametrize(
    ("mark", "heard", "told"),
    [
        (" —", "One —", "One —"),
        (" —", "One— ", "One— "),
        (" —", "One ", "One —"),
        (" [cut off]", "One,", "One, [cut off]"),
        ("", "One ", "One "),
        ("\n", "One", "One\n"),
    ],
)
def test_the_mark_is_the_profiles_and_never_doubled(mark: str, heard: str, told: str) -> None:
    history = ChatHistory("Be brief.", 12, mark)
    history.add_agent(heard, cut_off=True)
    assert history.messages()[-1].content == told
    history = ChatHistory("Be brief.", 12, mark)
    history.add_agent(heard)
    assert history.messages()[-1].content == heard


def test_a_pending_turn_is_told_and_not_kept() -> None:
    history = ChatHistory("Be brief.", 12)
    history.add_user("one")
    assert history.messages("two") == [SYSTEM, ChatMessage("user", "one two")]
    assert history.messages() == [SYSTEM, ChatMessage("user", "one")]


@pytest.mark.parametrize("max_turns", [0, 1, 2])
def test_the_oldest_exchanges_go_first(max_turns: int) -> None:
    history = ChatHistory("Be brief.", max_turns)
    history.add_agent("greeting")
    for number in range(5):
        history.add_user(f"q{number}")
        history.add_agent(f"a{number}")
    history.add_user("now")
    asked = [m.content for m in history.messages() if m.role == "user"]
    assert asked == [*(f"q{n}" for n in range(5 - max_turns, 5)), "now"]
    assert len(history.messages()) == 1 + 2 * max_turns + 1


_word = st.text("abc", min_size=1, max_size=3)


@given(
    st.lists(st.tuples(st.booleans(), st.just("") | _word, st.booleans()), max_size=30),
    st.integers(0, 4),
    _word,
)
def test_alternation_bounds_and_speculation(
    turns: list[tuple[bool, str, bool]], max_turns: int, pending: str
) -> None:
    history = ChatHistory("Be brief.", max_turns)
    said = []
    for is_user, text, cut_off in turns:
        if is_user and text:
            history.add_user(text)
            said.append(text)
        elif not is_user:
            history.add_agent(text, cut_off=cut_off)
            said += ([text, "—"] if cut_off else [text]) if text else []
    messages = history.messages()
    assert messages[0] == SYSTEM
    roles = [message.role for message in messages[1:]]
    assert all(a != b for a, b in pairwise(roles))
    assert roles.count("user") <= max_turns + 1
    words = " ".join(message.content for message in messages[1:]).split()
    assert words == said[len(said) - len(words) :]
    # What is asked on speculation is what will be asked when the turn is over.
    asked = history.messages(pending)
    history.add_user(pending)
    assert history.messages() == asked
