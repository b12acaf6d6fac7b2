"""Which messages are sent when a conversation has outgrown the model's context. Pure; no tokens are counted here."""

from __future__ import annotations

from collections.abc import Sequence

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage
from voicebot_llm_llamacpp.config import Example

__all__ = ["History"]

KEPT_SHARE = 0.75
"""After a trim the prompt fills this much of its limit: the next few turns then add to it, on a cached prefix,
instead of shifting it every time."""


class History:
    """Puts the examples after the system prompt and leaves out the oldest exchanges.

    It remembers what it left out of a conversation, so that each turn's prompt begins like the one before. A
    conversation that begins differently starts afresh.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = [
            message
            for example in examples
            for message in (ChatMessage("user", example.user), ChatMessage("assistant", example.assistant))
        ]
        self._left_out: tuple[ChatMessage, ...] = ()

    def prompt(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """The messages to send: system prompt, examples, and what is kept of the conversation."""
        system, rest = _parts(messages)
        if tuple(rest[: len(self._left_out)]) != self._left_out or len(rest) <= len(self._left_out):
            self._left_out = ()
        return [*system, *self._examples, *rest[len(self._left_out) :]]

    def trim(self, messages: Sequence[ChatMessage], tokens: int, limit: int) -> None:
        """Leave out more of the oldest exchanges: the prompt was `tokens` long, and `limit` is the most.

        Raises:
            EngineError: only the system prompt, the examples and the last message are left.
        """
        prompt = self.prompt(messages)
        _, rest = _parts(messages)
        kept = rest[len(self._left_out) :]
        if len(kept) <= 1:
            raise EngineError(
                f"The system prompt, the examples and the last message are {tokens} tokens long; {limit} fit.",
                hint="Shorten them, or raise context_tokens.",
            )
        tokens_per_char = tokens / max(1, sum(len(message.content) for message in prompt))
        drop = 0
        while drop < len(kept) - 1:
            end = drop + 1
            while end < len(kept) - 1 and kept[end].role != "user":
                end += 1
            tokens -= round(tokens_per_char * sum(len(message.content) for message in kept[drop:end]))
            drop = end
            if tokens <= limit * KEPT_SHARE:
                break
        self._left_out = tuple(rest[: len(self._left_out) + drop])


def _parts(messages: Sequence[ChatMessage]) -> tuple[list[ChatMessage], list[ChatMessage]]:
    """The system messages at the beginning, and the rest."""
    count = next((index for index, message in enumerate(messages) if message.role != "system"), len(messages))
    return list(messages[:count]), list(messages[count:])
