"""A collector as far as a test needs one: it takes spans by OTLP over HTTP, and gives them back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Seen:
    """A span, with its attributes as Python's own values."""

    proto: Span
    attributes: dict[str, Any]
    service: str
    children: list[Seen] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def failed(self) -> bool:
        return self.proto.status.code == 2

    @property
    def events(self) -> dict[str, dict[str, Any]]:
        return {event.name: _values(event.attributes) for event in self.proto.events}

    def child(self, name: str) -> Seen:
        [found] = [child for child in self.children if child.name == name]
        return found


class Collector:
    def __init__(self, address: str) -> None:
        self.address = address
        self.spans: list[Seen] = []

    def trees(self) -> list[Seen]:
        """The spans without a parent, with theirs below them, each level in order of time."""
        by_id = {span.proto.span_id: span for span in self.spans}
        roots: list[Seen] = []
        for span in sorted(self.spans, key=lambda span: span.proto.start_time_unix_nano):
            parent = by_id.get(span.proto.parent_span_id)
            (roots if parent is None else parent.children).append(span)
        return roots


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            request = ExportTraceServiceRequest.FromString(body)
            for batch in request.resource_spans:
                service = _values(batch.resource.attributes)["service.name"]
                for scope in batch.scope_spans:
                    collector.spans += [Seen(span, _values(span.attributes), service) for span in scope.spans]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def _values(attributes: Any) -> dict[str, Any]:
    pairs: list[KeyValue] = list(attributes)
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, kind) if kind else None
