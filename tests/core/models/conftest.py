"""A package index and a hub that misbehave when told to, and models small enough for tests."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import tarfile
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from voicebot.models import Manifest, ModelStore

Misdeed = Callable[["Handler", bytes, int], None]
"""What to do instead of serving: the handler, the file, and the offset asked for."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        web = self.server.web
        asked = self.headers.get("Range")
        web.requests.append((self.path, asked))
        offset = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        body = web.files.get(self.path)
        misdeeds = web.misdeeds[self.path]
        if misdeeds:
            misdeeds.pop(0)(self, body or b"", offset)
        elif body is None:
            self.fail(404)
        elif asked:
            self.start(
                206, len(body) - offset, {"Content-Range": f"bytes {offset}-{len(body) - 1}/{len(body)}"}
            )
            self.wfile.write(body[offset:])
        else:
            self.start(200, len(body))
            self.wfile.write(body)

    def start(self, status: int, length: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        kind = self.server.web.content_types.get(self.path, "application/octet-stream")
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def fail(self, status: int) -> None:
        self.start(status, 0)

    def log_message(self, format: str, *args: Any) -> None: ...


class Server(ThreadingHTTPServer):
    web: Web

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of the server's business."""


@dataclass
class Web:
    """What is served, what goes wrong, and what was asked for."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    content_types: dict[str, str] = field(default_factory=dict)
    misdeeds: dict[str, list[Misdeed]] = field(default_factory=lambda: defaultdict(list))
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def index(self) -> str:
        return f"{self.url}/simple"

    def archive(self, filename: str, body: bytes) -> dict[str, Any]:
        """Publish an archive; returns its manifest entry."""
        package = re.split(r"-\d", filename)[0].replace("_", "-")
        self.files[f"/files/{filename}"] = body
        page = {"files": [{"filename": filename, "url": f"../../files/{filename}", "hashes": {}}]}
        self.files[f"/simple/{package}/"] = json.dumps(page).encode()
        self.content_types[f"/simple/{package}/"] = "application/vnd.pypi.simple.v1+json"
        return {"package": package, "version": "1.0", "filename": filename, **fingerprint(body)}

    def hub_file(self, path: str, body: bytes) -> dict[str, Any]:
        """Publish a file; returns a source of the manifest."""
        self.files[path] = body
        return {"url": self.url + path}

    def asked_for(self, path: str) -> list[str | None]:
        """The Range headers of the requests for a path."""
        return [asked for requested, asked in self.requests if requested == path]


def fingerprint(body: bytes) -> dict[str, Any]:
    return {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


def wheel(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return stream.getvalue()


def sdist(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return stream.getvalue()


def model(files: dict[str, tuple[bytes, list[dict[str, Any]]]], **extra: Any) -> dict[str, Any]:
    """A manifest's entry: path -> (bytes, sources)."""
    entries = [
        {"path": path, **fingerprint(body), "sources": sources} for path, (body, sources) in files.items()
    ]
    return {"description": "d", "licence": "MIT", "origin": "o", "files": entries, **extra}


def member(archive: str, path: str) -> dict[str, Any]:
    return {"members": [{"archive": archive, "path": path}]}


@dataclass
class Watcher:
    """Remembers what it was told."""

    begun: list[tuple[str, int, int]] = field(default_factory=list)
    updates: list[int] = field(default_factory=list)
    ended: int = 0
    notes: list[str] = field(default_factory=list)

    def begin(self, label: str, total: int, done: int = 0) -> None:
        self.begun.append((label, total, done))

    def update(self, done: int) -> None:
        self.updates.append(done)

    def end(self) -> None:
        self.ended += 1

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as server:
        server.web = Web(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.web
        server.shutdown()
        thread.join()


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., ModelStore]:
    """Builds a store from a manifest's `models` and `archives`."""

    def make(models: dict[str, Any], archives: dict[str, Any] | None = None) -> ModelStore:
        manifest = Manifest.model_validate({"models": models, "archives": archives or {}})
        return ModelStore(tmp_path / "store", manifest=manifest)

    return make
