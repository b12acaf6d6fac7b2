"""What operators are shown by `voicebot run` while servers are down, and when they are back."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.running import PATIENCE_S, PROFILE, Run, running

from voicebot.testing.fakes import groq
from voicebot.testing.fakes.http import FakeServer

MODEL = "openai/gpt-oss-120b"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Deployment:
    """A profile with the front of `webrtc`, whose first language model is a server's."""

    def __init__(self, folder: Path, *, stands_in: bool) -> None:
        self.port, self.server_port = free_port(), free_port()
        base_url = f"http://127.0.0.1:{self.server_port}/openai/v1"
        model: dict[str, Any] = {"use": "openai", "base_url": base_url, "api_key": "gsk_fake", "model": MODEL}
        profile = {
            "extends": str(PROFILE),
            "llm": [model, {"use": "scripted"}] if stands_in else [model],
            "fallback": {"cooldown_s": 0.05, "longest_cooldown_s": 0.1},
        }
        self.file = folder / "p.yaml"
        self.file.write_text(json.dumps(profile))
        self.settings = {
            "TRANSPORT__USE": "webrtc",
            "TRANSPORT__PORT": str(self.port),
            "TRANSPORT__SOCKET": str(folder / "s"),
        }

    async def get(self, path: str) -> tuple[int, str]:
        """0 while nothing listens."""
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self.port}/{path}")
            except httpx.TransportError:
                return 0, ""
            return answer.status_code, answer.text

    async def until(self, status: int, words: str) -> str:
        """Wait until /readyz answers so."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                got, text = await self.get("readyz")
                if got == status and words in text:
                    return text
                await asyncio.sleep(0.02)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vb-") as name:
        yield Path(name)


def test_with_its_only_model_down_it_says_so_and_comes_up_when_the_model_does(folder: Path) -> None:
    deployment = Deployment(folder, stands_in=False)
    where = f"127.0.0.1:{deployment.server_port}"

    async def main() -> Run:
        async with running("--profile", deployment.file, **deployment.settings) as run:
            text = await deployment.until(503, "no llm engine works: openai: ")
            assert where in text.splitlines()[0]
            status, verbose = await deployment.get("readyz?verbose")
            details = json.loads(verbose)
            assert (status, details["ready"]) == (503, False)
            assert details["reason"] == text.splitlines()[0]
            assert [one["state"] for one in details["engines"] if one["kind"] == "llm"] == ["broken"]
            assert "gsk_fake" not in verbose
            assert (await deployment.get("healthz"))[0] == 200
            async with FakeServer(groq.app(), port=deployment.server_port):
                await run.until("and talk. Ctrl-C stops.")
                await deployment.until(200, "ok")
                details = json.loads((await deployment.get("readyz?verbose"))[1])
                assert all(one["state"] == "ready" for one in details["engines"])
                assert all(isinstance(one["warmup_ms"], float) for one in details["engines"])
                _, metrics = await deployment.get("metrics")
                assert 'voicebot_engines{kind="llm",plugin="openai",state="ready"} 1.0' in metrics
                assert await run.end(signal.SIGTERM) == 0
            return run

    run = asyncio.run(main())
    waited = [line for line in run.lines if line.startswith("call worker 1 is not ready yet: no llm engine")]
    assert len(waited) == 1
    assert not any("Traceback" in line or "gsk_fake" in line for line in run.lines)


def test_with_another_model_it_comes_up_and_names_the_one_that_is_down(folder: Path) -> None:
    deployment = Deployment(folder, stands_in=True)

    async def main() -> None:
        async with running("--profile", deployment.file, **deployment.settings) as run:
            first, *broken = (await deployment.until(200, "ok")).splitlines()
            assert first == "ok"
            (line,) = broken
            assert line.startswith("llm openai: ")
            async with FakeServer(groq.app(), port=deployment.server_port):
                async with asyncio.timeout(PATIENCE_S):
                    while (await deployment.get("readyz"))[1] != "ok":  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                assert await run.end(signal.SIGTERM) == 0

    asyncio.run(main())
