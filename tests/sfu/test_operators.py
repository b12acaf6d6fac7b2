"""What operators are shown of the engines by the real SFU, also by one that was started again."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.sfu.test_mediasoup_transport import SAFETY_S, cancelled, sfu_pid, until

from voicebot.events import TurnMeasured
from voicebot.health import EngineHealth
from voicebot.supervising.operations import Operations
from voicebot.testing import context
from voicebot_transport_mediasoup import MediasoupConfig, MediasoupTransport
from voicebot_transport_mediasoup import process as process_module

TURN = TurnMeasured(1.0, 1, {"turn": 1, "user_text": "Hi.", "ended": "finished", "voice_to_voice_ms": 700.0})


def test_the_sfu_shows_what_the_supervisor_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "TELL_EVERY_S", 0.05)
    settings = {
        "port": 0,
        "socket": tmp_path / "sfu.sock",
        "rtc": {"port": 0, "media_workers": 1},
        "sfu": {"log_level": "warning"},
    }
    front = MediasoupTransport(MediasoupConfig.model_validate(settings), context()).front()
    assert front is not None
    operations = Operations()
    front.operate(operations)
    down = EngineHealth("llm", "groq", "broken", "open", "it cannot be reached")
    reason = "no llm engine works: groq: it cannot be reached"

    async def says(client: httpx.AsyncClient, words: str) -> None:
        while words not in (await client.get("readyz")).text:  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.02)

    async def main() -> None:
        urls: asyncio.Queue[str] = asyncio.Queue()
        async with asyncio.timeout(SAFETY_S):
            serving = asyncio.create_task(front.serve(urls.put_nowait))
            url = await urls.get()
            assert "worker" in await until(url, 503)
            async with httpx.AsyncClient(base_url=url) as client:
                operations.healthy(0, [down])
                await says(client, reason)
                operations.healthy(0, [EngineHealth("llm", "groq", "ready", warmup_ms=3.5)])
                operations.happened(TURN)
                await says(client, "No call worker is there.")
                os.kill(sfu_pid(os.getpid()), signal.SIGKILL)
                assert await urls.get() == url
                # The new one hears of it, though nothing has changed.
                details: dict[str, Any] = {}
                while not details.get("engines"):
                    details = (await client.get("readyz?verbose")).json()
                    await asyncio.sleep(0.02)
                assert details["engines"] == operations.engines()
                assert details["ready"] is False
                text = (await client.get("metrics")).text
                samples = {
                    sample.name: sample.value
                    for family in text_string_to_metric_families(text)
                    for sample in family.samples
                }
                assert samples["voicebot_voice_to_voice_seconds_count"] == 1
                assert samples["voicebot_sfu_media_workers"] == 1
            await cancelled(serving)

    asyncio.run(main())
