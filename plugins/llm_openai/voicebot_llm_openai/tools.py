"""Tools in the words of chat completions, and the calls in a streamed answer. Sans-I/O."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, ToolCall, ToolSpec

__all__ = ["CallReader", "message_json", "tool_json"]

MAX_CALLS = 64
MAX_ARGUMENTS = 1 << 20
"""Characters, of all calls of an answer together."""


def tool_json(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def message_json(message: ChatMessage) -> dict[str, Any]:
    data: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        data["content"] = message.content or None
        data["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _object(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.role == "tool":
        data["tool_call_id"] = message.tool_call_id
    return data


def _object(arguments: str) -> str:
    """Servers refuse a whole conversation for one call whose arguments are no JSON object."""
    return arguments if _is_object(arguments) else "{}"


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


@dataclass(slots=True)
class _Call:
    index: object
    id: str = ""
    name: str = ""
    arguments: str = ""


class CallReader:
    """Pieces of calls in, whole calls out.

    A piece belongs to the call of its `index`. Some servers send whole calls with no index, or with the same for all:
    another id, or a name after whole arguments, begins another call.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._size = 0
        self.begun = False
        """There are calls, whole or not, taken or not."""

    def feed(self, pieces: Any) -> None:
        """The `tool_calls` of a delta.

        Raises:
            EngineError: they are too many, or too long.
        """
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, dict):
                self._feed(piece)

    def _feed(self, piece: dict[str, Any]) -> None:
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        ident, name, arguments = (
            value if isinstance(value, str) else ""
            for value in (piece.get("id"), function.get("name"), function.get("arguments"))
        )
        if isinstance(function.get("arguments"), dict):  # whole, from a server that takes it literally
            arguments = json.dumps(function["arguments"])
        call = self._call(piece.get("index"), ident, name)
        call.id = call.id or ident
        call.name = call.name or name
        call.arguments += arguments
        self._size += len(arguments)
        if self._size > MAX_ARGUMENTS or len(self._calls) > MAX_CALLS:
            raise EngineError("The language model's server sends tool calls without end.")

    def _call(self, index: object, ident: str, name: str) -> _Call:
        same = [call for call in self._calls if call.index == index] if index is not None else self._calls
        if same:
            last = same[-1]
            other = bool(last.id) and ident != last.id if ident else bool(name) and _is_object(last.arguments)
            if not other:
                return last
        self.begun = True
        self._calls.append(_Call(index))
        return self._calls[-1]

    def take(self) -> Sequence[ToolCall]:
        """The calls, when no more can come.

        Raises:
            EngineError: one has no name.
        """
        calls, self._calls = self._calls, []
        if not all(call.name for call in calls):
            raise EngineError("The language model calls a tool without a name.", retryable=True)
        return [
            ToolCall(call.id or f"call_{number}", call.name, call.arguments or "{}")
            for number, call in enumerate(calls)
        ]
