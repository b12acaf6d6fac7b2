"""llama.cpp's own HTTP server with a small model: chat completions by somebody else's hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from voicebot.interfaces import ChatMessage
from voicebot.models import ModelStore

KEY = "sk-llama-very-secret"
MODEL = "smollm2-135m-instruct"
QUESTION = [
    ChatMessage("user", "What is the capital of Italy?"),
    ChatMessage("assistant", "The capital of Italy is Rome."),
    ChatMessage("user", "What is the capital of France?"),
]
"""The small model follows an example; the answer holds "Paris"."""


@contextmanager
def llama_server(store: ModelStore, api_prefix: str = "", *, threads: int = 1) -> Iterator[str]:
    """Serve SmolLM2, as `MODEL`, on a free port of 127.0.0.1; the address, without a path."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(store.path(MODEL))
    params.model_alias = {MODEL}
    params.n_ctx = 1024
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.verbosity = -1
    params.warmup = False
    params.fit_params = False
    params.cache_ram_mib = 0
    params.api_keys = [KEY]
    params.api_prefix = api_prefix
    params.endpoint_slots = True
    params.ui = False
    server = xllamacpp.Server(params)
    try:
        # Taken down before its listener has settled, it may never come back.
        httpx.get(f"{server.listening_address}{api_prefix}/health", timeout=60)
        yield server.listening_address
    finally:
        del server
