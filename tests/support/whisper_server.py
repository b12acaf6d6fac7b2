"""A transcription server that is not ours: `pip install faster-whisper-server` (MIT, FastAPI on faster-whisper)."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from voicebot.models import ModelStore

MODULE = "faster_whisper_server"


@contextmanager
def whisper_server(store: ModelStore) -> Iterator[str]:
    """Serve Whisper tiny.en on a free port of 127.0.0.1, in a process of its own; the address, without a path.

    In 8 bits, on one thread and without a beam, as our own recogniser runs it.

    Raises:
        RuntimeError: it did not start.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    model = {
        "name": "whisper-1",  # what it takes a request to mean that does not say `model_name`
        "path": str(store.path("whisper-tiny.en-ct2")),
        "model_options": {"device": "cpu", "compute_type": "int8", "cpu_threads": 1},
        "transcribe_options": {"beam_size": 1},
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "models.yaml"
        config.write_text(yaml.safe_dump({"models": [model]}), encoding="utf-8")
        options: list[str | Path] = ["--config", config, "--host", "127.0.0.1", "--port", str(port)]
        with _running([sys.executable, "-m", MODULE, *options]):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(program: Sequence[str | Path]) -> Iterator[None]:
    server = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert server.stderr is not None
    # It logs every request: a pipe that nobody empties would stop it.
    emptying = threading.Thread(target=deque, args=(server.stderr, 0))
    try:
        if not any(b"running on" in line for line in server.stderr):
            raise RuntimeError("faster-whisper-server did not start")
        emptying.start()
        yield
    finally:
        server.terminate()
        server.wait(30)
        if emptying.ident is not None:
            emptying.join()
        server.stderr.close()
