from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage
from voicebot_llm_llamacpp import Example
from voicebot_llm_llamacpp.history import History

SYSTEM = ChatMessage("system", "Be brief.")


def conversation(exchanges: int) -> list[ChatMessage]:
    messages = [SYSTEM]
    for number in range(exchanges):
        messages += [
            ChatMessage("user", f"question {number:03}"),
            ChatMessage("assistant", f"answer {number:03}"),
        ]
    return [*messages, ChatMessage("user", "and now?")]


def test_examples_follow_the_system_prompt() -> None:
    history = History([Example(user="Hi", assistant="Hello.")])
    assert history.prompt([SYSTEM, ChatMessage("user", "Who?")]) == [
        SYSTEM,
        ChatMessage("user", "Hi"),
        ChatMessage("assistant", "Hello."),
        ChatMessage("user", "Who?"),
    ]


def test_the_oldest_exchanges_are_left_out_and_stay_out() -> None:
    history = History([])
    messages = conversation(20)
    history.trim(messages, tokens=1000, limit=900)
    kept = history.prompt(messages)
    assert kept[0] == SYSTEM
    assert kept[1].role == "user"
    assert kept[1:] == messages[len(messages) - len(kept) + 1 :]
    assert 8 < len(kept) < 32  # about three quarters of 900
    # The next turn's prompt begins like this one's, so that it is cached.
    longer = [*messages, ChatMessage("assistant", "this"), ChatMessage("user", "more?")]
    assert history.prompt(longer) == [*kept, *longer[-2:]]


def test_another_conversation_is_whole_again() -> None:
    history = History([])
    history.trim(conversation(20), tokens=1000, limit=900)
    other = [SYSTEM, ChatMessage("user", "Hello!")]
    assert history.prompt(other) == other


def test_trimming_again_leaves_out_more_and_ends_with_an_error() -> None:
    history = History([])
    messages = conversation(5)
    lengths = [len(history.prompt(messages))]
    with pytest.raises(EngineError, match="2000 tokens long; 900 fit"):  # noqa: PT012
        while True:
            history.trim(messages, tokens=2000, limit=900)
            lengths.append(len(history.prompt(messages)))
    assert lengths == sorted(set(lengths), reverse=True)
    assert history.prompt(messages) == [SYSTEM, messages[-1]]


_ROLES = st.lists(st.sampled_from(["user", "assistant"]), max_size=20)


@given(roles=_ROLES, system=st.booleans(), tokens=st.integers(1, 5000), limit=st.integers(1, 5000))
def test_any_sequence_of_roles_is_trimmed_to_its_end(
    roles: list[str], system: bool, tokens: int, limit: int
) -> None:
    messages = [SYSTEM] * system
    messages += [ChatMessage(role, f"text {index}") for index, role in enumerate(roles)]  # type: ignore[arg-type]
    messages.append(ChatMessage("user", "last"))
    history = History([])
    for _ in range(len(messages)):
        before = history.prompt(messages)
        try:
            history.trim(messages, tokens, limit)
        except EngineError:
            assert before == [*messages[:system], messages[-1]]
            return
        after = history.prompt(messages)
        assert len(after) < len(before)
        assert after[system:] == before[len(before) - len(after) + system :]
    pytest.fail("trimming did not end")
