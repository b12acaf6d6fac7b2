"""Requests and responses, whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import h11

__all__ = ["Handler", "Request", "Response", "json_response", "read_request"]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    """Without the query, percent-decoded."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body's JSON.

        Raises:
            ValueError: it is none.
        """
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("the body's JSON is nested too deeply") from None


@dataclass(slots=True)
class Response:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""
    """An iterator is sent in chunks, each as it comes; it is closed when the client hangs up."""


Handler = Callable[[Request], Awaitable[Response]]


def json_response(data: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(data).encode()
    )


def read_request(head: h11.Request, body: bytes) -> Request:
    path, _, query = head.target.decode("latin-1").partition("?")
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    fields = dict(parse_qsl(query, keep_blank_values=True))
    return Request(head.method.decode("ascii"), unquote(path), fields, headers, body)
