"""A call in a worker of `voicebot run`: its trace leaves when the worker ends, and its log names it."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from pathlib import Path

import pytest
from tests.plugins.hooks_opentelemetry.collector import collecting
from tests.support.caller import calling
from tests.support.running import running


def test_a_call_workers_trace_and_log_are_of_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"LLM__FAIL_ON_TEXT": "time", "LOG": "info", "LOG_FORMAT": "json"}

    async def main(socket: Path) -> list[str]:
        async with running(TRANSPORT__SOCKET=str(socket), **settings) as server:
            await server.until("and talk")
            async with calling(socket) as caller:
                caller.send(say=1.0)
                # When it stops it passes on nothing of its workers any more.
                await server.until("failed, voice to voice")
            assert await server.end(signal.SIGINT) == 0
            return server.lines

    # A socket's path must be short.
    with collecting() as collector, tempfile.TemporaryDirectory(prefix="vb-") as folder:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")  # no batch leaves by itself
        lines = asyncio.run(main(Path(folder) / "calls.sock"))
    [call] = collector.trees()
    assert call.attributes["voicebot.profile"] == "scripted"
    assert call.failed
    turn = call.children[0]
    assert turn.failed
    assert {hop.name for hop in turn.children} == {"end_of_turn", "stt_final"}

    entries = [json.loads(line) for line in lines if line.startswith("{")]
    logged = [
        (entry.get("turn_id"), entry["message"]) for entry in entries if entry["logger"] == "voicebot.call"
    ]
    assert logged[:3] == [
        (None, "the call begins"),
        (1, "the llm plugin 'scripted' of voicebot-scripted 1.0 failed: told to fail"),
        (1, "failed, voice to voice - ms"),
    ]
    calls = {entry.get("call_id") for entry in entries if entry["logger"] == "voicebot.call"}
    assert calls == {call.attributes["voicebot.call.id"]}
