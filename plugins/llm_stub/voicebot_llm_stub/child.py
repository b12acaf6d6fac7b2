"""The stub server's process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile

from voicebot.errors import EngineError
from voicebot_llm_stub.config import StubConfig

__all__ = ["Child"]

_START_S = 20.0
_TERM_GRACE_S = 2.0


class Child:
    """A running server; what it writes never mixes with ours."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    @classmethod
    async def start(cls, config: StubConfig) -> Child:
        """Start a server, and wait until it listens.

        Raises:
            EngineError: it does not.
        """
        with tempfile.TemporaryFile() as complaints:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "voicebot_llm_stub.server",
                json.dumps(config.model_dump()),
                stdin=subprocess.PIPE,  # never written to: its end tells the server that we are gone
                stdout=subprocess.PIPE,
                stderr=complaints,
                process_group=0,  # Ctrl-C is for us
            )
            try:
                assert process.stdout is not None
                async with asyncio.timeout(_START_S):
                    line = await process.stdout.readline()
                return cls(process, int(json.loads(line)["port"]))
            except BaseException as error:
                await _end(process)
                if not isinstance(error, TimeoutError | ValueError | LookupError | TypeError):
                    raise
                complaints.seek(0)
                last = complaints.read().decode(errors="replace").strip().splitlines()[-1:]
                why = f": {last[0]}" if last else "."
                raise EngineError(f"The stub server has not started{why}", retryable=True) from None

    async def aclose(self) -> None:
        await _end(self._process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Terminate, wait, kill; even if the one who waits for it is cancelled, nothing of it is left."""
    try:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.communicate(), _TERM_GRACE_S)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
