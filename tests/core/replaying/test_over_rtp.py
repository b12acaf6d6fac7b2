"""A call over RTP, where packets leave in slots and the transport counts what was heard: its replay hears the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from tests.core.replaying.conftest import Profiled
from tests.core.rtp.streams import packets_of, quiet

from voicebot.call import build_engines
from voicebot.engines import Engine
from voicebot.events import Event
from voicebot.models import ModelStore
from voicebot.replaying import Taping, compare, read_recording, replay_recorded
from voicebot.rtp.connection import RtpConnection
from voicebot.rtp.opus import OpusDecoder, OpusEncoder
from voicebot.rtp.receiving import RtpReceiver
from voicebot.rtp.sending import RtpSender
from voicebot.rtp.settings import JitterSettings, OpusSettings
from voicebot.session import Session
from voicebot.tasks import task_group
from voicebot.testing import ScriptedTransport, run_virtual, tone


async def speak(connection: RtpConnection) -> None:
    """Two questions, the second into the answer to the first; every third packet is 7 ms late."""
    said = [quiet(1.0), tone(1.0, 48_000), quiet(2.5), tone(1.2, 48_000), quiet(4.0)]
    for number, packet in enumerate(packets_of(np.concatenate(said), settings=OpusSettings(dtx=False))):
        late_s = 0.007 if number % 3 == 0 else 0.0
        asyncio.get_running_loop().call_later(late_s, connection.feed, packet.serialize())
        await asyncio.sleep(0.02)
    connection.hang_up()


def test_the_replay_of_a_call_over_rtp(profiled: Profiled, tmp_path: Path) -> None:
    resolved = profiled(
        "{use: scripted, replies: [There are quite a few things to be said about that one., Goodbye.]}"
    )
    taping, events = Taping(tmp_path / "call.vbcall"), list[Event]()
    engines, _ = build_engines(resolved, ModelStore(base_dir=tmp_path), taping.taps)
    transport = Engine("transport", "rtp", "test", ScriptedTransport())

    async def close() -> None: ...

    async def main() -> None:
        await engines.warmup(10)
        connection = RtpConnection(
            RtpReceiver(OpusDecoder(), JitterSettings()),
            RtpSender(OpusEncoder(OpusSettings()), 100, 1234, sequence_number=0, timestamp=0),
            transmit=lambda packet: None,
            notify=events.append,
            close=close,
        )
        async with taping.taped(resolved, "rtp-call", connection, None) as taped, task_group() as group:
            session = Session(
                "rtp-call",
                settings=resolved.profile,
                engines=engines,
                transport=transport,
                connection=taped.connection,
                tools=taped.tools,
                watch_idle=taped.watch_idle,
            )
            group.create_task(speak(connection))
            assert (await session.run()).interruptions == 1

    run_virtual(main())
    recording = read_recording(taping.path)
    replayed = replay_recorded(recording)
    comparison = compare(recording.log, replayed.log, replayed.missing)
    assert comparison.same, comparison.as_dict()
    heard = [turn["heard"] for turn in comparison.as_dict()["turns"] if turn["ended"]["now"] == "interrupted"]
    assert heard[0]["now"].startswith("There are")
    assert not heard[0]["now"].endswith("one.")
