"""`voicebot run`: its call workers, processes of their own, find the plugins beside the profile too."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from pathlib import Path
from textwrap import dedent

from tests.support.caller import calling
from tests.support.running import PROFILE, running

STT = """
    from voicebot_scripted import Stt


    class FromFile(Stt):
        def start(self, on_interim):
            self.texts = ["A file said so."]
            return super().start(on_interim)
"""


def test_call_workers_find_a_file(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text(f"extends: {PROFILE}\nstt: from_file\n")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "stt_from_file.py").write_text(dedent(STT))

    async def hold_a_call(socket: Path) -> str:
        async with running("--profile", profile, TRANSPORT__SOCKET=str(socket)) as run:
            await run.until("and talk. Ctrl-C stops.")
            async with calling(socket) as caller:
                caller.send(say=0.8)
                caller.send(silence=0.5)
                heard = await caller.until("user_transcript", final=True)
            assert await run.end(signal.SIGINT) == 0
        return str(heard["text"])

    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        assert asyncio.run(hold_a_call(Path(folder) / "calls.sock")) == "A file said so."
