"""`voicebot run` over mediasoup, with engines that follow a script; it keeps all there is of each call."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from bench.soak.census import find
from tests.support.running import PROFILE, Run, running, wait_until

__all__ = ["APOLOGY", "STALLED_S", "Server", "serving"]

APOLOGY = "Sorry."
STALLED_S = 3.0
"""How long an engine is waited for."""
WORTH_READING = re.compile(r"call worker|rror|Traceback|SFU|arning|call [\w-]+: ")
"""Lines of the server that are about itself, and not what somebody said."""


@dataclass
class Server:
    run: Run
    url: str
    kept: Path
    """Where calls are kept."""
    stalls: Path
    """See `voicebot_scripted`."""
    lines: list[str] = field(default_factory=list)
    """What it has printed besides the conversation."""

    async def warm(self, workers: int) -> None:
        """Wait until there are so many call workers."""
        await wait_until(lambda: len(find(self.run.pid, " worker ")) >= workers)

    async def metric(self, name: str) -> float:
        """A sample of /metrics, by its name and labels as they stand there."""
        async with aiohttp.ClientSession() as client, client.get(f"{self.url}metrics") as response:
            for line in (await response.text()).splitlines():
                if line.startswith(f"{name} "):
                    return float(line.removeprefix(name))
        raise LookupError(name)

    async def read(self) -> None:
        """All that it prints, so that it is never held up."""
        assert self.run.process.stdout is not None
        while line := (await self.run.process.stdout.readline()).decode().rstrip():
            if WORTH_READING.search(line):
                self.lines.append(line)


@asynccontextmanager
async def serving(
    folder: Path, calls: int, *, kept: Path | None = None, records: bool = True
) -> AsyncIterator[Server]:
    """The server, when a call can be placed.

    Args:
        folder: for its profile and its socket.
        kept: for what is kept of calls, where that is elsewhere.
        records: whether calls are recorded.
    """
    kept, stalls = kept or folder / "kept", folder / "stalls"
    stalls.mkdir()
    stalling = {"use": "scripted", "stalls": str(stalls)}
    profile = {
        "extends": str(PROFILE),
        "calls": calls,
        # Room is what the call workers give: what else the machine does is no finding.
        "pool": {"min_idle": 0},
        "agent": {"apology": APOLOGY},
        "stt": {**stalling, "texts": ["Hello."]},
        "llm": {**stalling, "replies": ["Yes."]},
        "tts": stalling,
        "deadlines": dict.fromkeys(("stt_final_s", "llm_first_token_s", "tts_first_audio_s"), STALLED_S),
        "keep": {
            "folder": str(kept),
            "audit": True,
            "transcripts": True,
            "recording": records,
            "consent": "given",
        },
        "transport": {
            "use": "mediasoup",
            "port": 0,
            "socket": str(folder / "s"),
            "grace_s": 0,
            "rtc": {"port": 0, "media_workers": 2},
            "sfu": {"log_level": "warning"},
        },
    }
    file = folder / "soak.yaml"
    file.write_text(json.dumps(profile))
    async with running("--profile", file) as run:
        line = await run.until("and talk. Ctrl-C stops.")
        address = re.search(r"http://\S+", line)
        assert address is not None, line
        server = Server(run, address.group(), kept, stalls)
        reading = asyncio.create_task(server.read(), name="reading")
        try:
            yield server
        finally:
            reading.cancel()
            await asyncio.wait([reading])
        assert await run.end(signal.SIGINT) == 0
