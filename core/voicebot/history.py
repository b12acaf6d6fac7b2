"""The conversation as the language model is told it: what was heard, not what was sent."""

from __future__ import annotations

from collections.abc import Sequence

from voicebot.interfaces import ChatMessage

__all__ = ["ChatHistory"]


class ChatHistory:
    """System prompt and exchanges, user and assistant strictly alternating.

    Args:
        max_turns: how many past exchanges are kept; the oldest go first.
        cut_off_mark: what the model sees where an answer was cut off, so that the next one can take it up.
    """

    def __init__(self, system_prompt: str, max_turns: int, cut_off_mark: str = " —") -> None:
        self._system = ChatMessage("system", system_prompt)
        self._max_turns = max_turns
        self._mark = cut_off_mark
        self._messages: list[ChatMessage] = []

    def add_user(self, text: str) -> None:
        self._append(self._messages, ChatMessage("user", text))

    def add_tools(self, messages: Sequence[ChatMessage]) -> None:
        """The calls that were made for an answer, and their results; before `add_agent`."""
        self._messages += messages

    def add_agent(self, heard_text: str, *, cut_off: bool = False) -> None:
        """What the listener heard of an answer; nothing is added where they heard nothing.

        Args:
            cut_off: there was more to the answer than this.
        """
        if not heard_text:
            return
        if cut_off and not heard_text.rstrip().endswith(self._mark.strip() or self._mark):
            heard_text = f"{heard_text.rstrip()}{self._mark}"
        self._append(self._messages, ChatMessage("assistant", heard_text))

    def messages(self, pending_user_text: str = "") -> list[ChatMessage]:
        """What to send to the model; `pending_user_text` is a user turn that may not be over yet."""
        turns = list(self._messages)
        if pending_user_text:
            self._append(turns, ChatMessage("user", pending_user_text))
        return [self._system, *turns]

    def _append(self, messages: list[ChatMessage], message: ChatMessage) -> None:
        if messages and messages[-1].role == message.role:
            message = ChatMessage(message.role, f"{messages.pop().content} {message.content}")
        messages.append(message)
        users = [i for i, m in enumerate(messages) if m.role == "user"]
        # The exchange being made counts on top of the past ones.
        if len(users) > self._max_turns + 1:
            del messages[: users[-(self._max_turns + 1)]]
