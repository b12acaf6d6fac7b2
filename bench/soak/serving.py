"""`voicebot run` over mediasoup, with engines that follow a script."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.running import PROFILE, Run, running

__all__ = ["serving"]


@asynccontextmanager
async def serving(folder: Path, calls: int, **settings: Any) -> AsyncIterator[tuple[Run, str]]:
    """The server and its address, when a call can be placed.

    Args:
        folder: for its profile and its socket.
        settings: further sections of the profile.
    """
    profile = {
        "extends": str(PROFILE),
        "calls": calls,
        "stt": {"use": "scripted", "texts": ["Hello."]},
        "llm": {"use": "scripted", "replies": ["Yes."]},
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
    file.write_text(json.dumps(profile | settings))
    async with running("--profile", file) as run:
        line = await run.until("and talk. Ctrl-C stops.")
        address = re.search(r"http://\S+", line)
        assert address is not None, line
        yield run, address.group()
        assert await run.end(signal.SIGINT) == 0
