"""Whatever the front says, in whatever order: the worker gets a call, None or a LinkError, and nothing hangs."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.link.front import MEDIA, SAFETY_S, Front
from tests.core.link.test_messages import FRONT

from voicebot.link import LinkedCall, LinkError, WorkerLink
from voicebot.link.frames import encode_control, encode_rtp
from voicebot.testing import run_virtual

END: dict[str, Any] = {"type": "end", "reason": "hung_up", "message": ""}
CALL: dict[str, Any] = {"type": "call", "call_id": "c", "media": MEDIA}
sayings = st.lists(
    st.one_of(
        st.sampled_from([CALL, END, *FRONT]).map(encode_control),
        st.binary(max_size=40).map(encode_rtp),
        st.binary(min_size=1, max_size=20),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(sayings, st.booleans())
def test_any_front(said: list[bytes], worker_ends: bool) -> None:
    faults: list[dict[str, Any]] = []

    async def main(path: Path) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, fault: faults.append(fault))
        async with asyncio.timeout(SAFETY_S), Front(path) as front:
            connecting = asyncio.create_task(WorkerLink.connect(path, "mediasoup"))
            peer = await front.accept()
            await peer.greet()
            link = await connecting
            working = asyncio.create_task(work(link, worker_ends))
            await peer.frame()
            for data in said:
                peer.raw(data)
            peer.close()
            await working
            await link.aclose()

    with tempfile.TemporaryDirectory() as folder:
        run_virtual(main(Path(folder) / "s"))
    assert faults == []


async def work(link: WorkerLink, ends: bool) -> None:
    """As a call worker does, until no more calls come."""
    try:
        while (call := await link.next_call()) is not None:
            await take(call, ends)
            assert call.ended_reason is not None
    except LinkError:
        pass


async def take(call: LinkedCall, ends: bool) -> None:
    async for _ in call:
        call.send_rtp(b"voice")
        call.send_event({"name": "x"})
        if ends:
            call.end()
