"""The connection over RTP on the virtual clock: what is pushed leaves in time, what comes in is heard in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.core.rtp.streams import speech

from voicebot.audio import AudioChunk
from voicebot.clock import VirtualClockLoop
from voicebot.errors import EngineError
from voicebot.events import CallStarted, Event
from voicebot.interfaces import HeardReport
from voicebot.rtp.connection import RtpConnection
from voicebot.rtp.opus import OpusDecoder, OpusEncoder
from voicebot.rtp.packet import RtpPacket
from voicebot.rtp.receiving import RtpReceiver
from voicebot.rtp.sending import RtpSender
from voicebot.rtp.settings import JitterSettings, OpusSettings
from voicebot.testing import run_virtual, tone

PACKET = AudioChunk(tone(0.02, 48_000), 48_000)


def words() -> list[AudioChunk]:
    """A second of speech, to be sent."""
    samples = speech()[: 50 * 960]
    return [AudioChunk(piece, 48_000) for piece in samples.reshape(50, 960)]


class Line:
    """A connection with all that it gives to its transport."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, RtpPacket]] = []
        self.events: list[Event] = []
        self.closes = 0
        self.fail: Exception | None = None
        self.connection = RtpConnection(
            RtpReceiver(OpusDecoder(), JitterSettings()),
            RtpSender(OpusEncoder(OpusSettings()), 100, 1234, sequence_number=0, timestamp=0),
            transmit=self._transmit,
            notify=self.events.append,
            close=self._close,
        )

    def _transmit(self, packet: RtpPacket) -> None:
        if self.fail is not None:
            raise self.fail
        self.sent.append((now(), packet))

    async def _close(self) -> None:
        self.closes += 1


def now() -> float:
    return asyncio.get_running_loop().time()


def on_line(body: Callable[[Line], Awaitable[Any]]) -> None:
    async def main() -> None:
        line = Line()
        try:
            await body(line)
        finally:
            await line.connection.aclose()

    run_virtual(main())


def spoken(count: int, *, first: int = 0) -> list[RtpPacket]:
    """A user's packets with sound."""
    encoder = OpusEncoder(OpusSettings(dtx=False))
    samples = tone((first + count) * 0.02, 48_000)
    payloads = [encoder.encode(samples[n * 960 : (n + 1) * 960]) for n in range(first + count)]
    return [RtpPacket(100, n, n * 960, 77, payloads[n]) for n in range(first, first + count)]


async def speak(connection: RtpConnection, packets: Iterable[RtpPacket]) -> None:
    """One every 20 ms."""
    for packet in packets:
        connection.feed(packet.serialize())
        await asyncio.sleep(0.02)


def test_pushed_packets_leave_every_20_ms() -> None:
    async def body(line: Line) -> None:
        for number, packet in enumerate(words()):
            if number > 3:
                await asyncio.sleep(0.02)
            await line.connection.send(packet)
        await asyncio.sleep(0.1)
        assert all(b - a == pytest.approx(0.02) for (a, _), (b, _) in pairwise(line.sent[:50]))
        assert [packet.sequence_number for _, packet in line.sent[:50]] == list(range(50))
        assert [packet.timestamp for _, packet in line.sent[:50]] == [n * 960 for n in range(50)]
        assert line.connection.heard_samples() == 50 * 960
        assert line.connection.sender.statistics.dropped == 0

    on_line(body)


def test_speech_after_silence_leaves_at_once() -> None:
    async def body(line: Line) -> None:
        receiving = asyncio.create_task(anext(aiter(line.connection.receive()), None))
        for wait_s in (2.013, 2.006, 2.017):
            await asyncio.sleep(wait_s)
            silent = len(line.sent)
            for packet in words()[10:16]:
                await line.connection.send(packet)
            # Without a turn of the loop.
            assert [at for at, _ in line.sent[silent:]] == [now()]
            assert line.sent[-1][1].marker
            await asyncio.sleep(0.105)
            times = [at for at, _ in line.sent[silent:]]
            assert len(times) == 6
            assert all(b - a == pytest.approx(0.02, abs=1e-4) for a, b in pairwise(times))
        # Timestamps are the time, whichever slots were brought forward.
        (began, first), (ended, last) = line.sent[0], line.sent[-1]
        assert last.timestamp - first.timestamp == pytest.approx((ended - began) * 48_000, abs=48)
        line.connection.hang_up()
        await receiving

    on_line(body)


def test_cancel_is_silence_from_the_next_packet_on() -> None:
    async def body(line: Line) -> None:
        for packet in words()[10:18]:
            await line.connection.send(packet)
        await asyncio.sleep(0.05)
        heard = line.connection.heard_samples()
        line.connection.cancel()
        cancelled = now()
        await asyncio.sleep(3)
        assert line.connection.heard_samples() == heard == 3 * 960
        decoder = OpusDecoder()
        levels = [(at, np.abs(decoder.decode(packet.payload)).max()) for at, packet in line.sent]
        assert max(level for at, level in levels if at < cancelled) > 5_000
        # What the encoder holds back (6.5 ms) sounds in one more packet; then it rings down, tenfold a packet.
        assert max(level for at, level in levels if at > cancelled + 0.02) < 1_000
        assert max(level for at, level in levels if at > cancelled + 0.06) < 10
        # Then DTX: hardly anything is sent at all.
        assert len([at for at, _ in line.sent if at > cancelled + 1]) < 12

    on_line(body)


def test_the_user_is_heard_as_packets_come() -> None:
    async def body(line: Line) -> None:
        speaking = asyncio.create_task(speak(line.connection, spoken(50)))
        chunks: list[AudioChunk] = []
        async for item in line.connection.receive():
            assert isinstance(item, AudioChunk)
            chunks.append(item)
            if len(chunks) == 50:
                break
        assert now() == pytest.approx(49 * 0.02)
        assert {chunk.sample_rate for chunk in chunks} == {16_000}
        assert sum(len(chunk.samples) for chunk in chunks) == 50 * 320
        assert np.abs(chunks[-1].samples).max() > 4_000
        await speaking

    on_line(body)


def test_silence_that_was_not_sent_is_heard_in_real_time() -> None:
    async def body(line: Line) -> None:
        *speech, last = spoken(20)
        dtx = RtpPacket(100, 20, 20 * 960, 77, b"\xf8")
        speaking = asyncio.create_task(speak(line.connection, [*speech, last, dtx]))
        received_s = 0.0
        async for item in line.connection.receive():
            assert isinstance(item, AudioChunk)
            received_s += item.duration_s
            assert received_s <= now() + 0.02 + 1e-6
            assert received_s >= now() - 0.05
            if now() > 5:
                break
        assert speaking.done()

    on_line(body)


def test_reports_come_among_the_audio() -> None:
    async def body(line: Line) -> None:
        line.connection.feed(spoken(1)[0])
        line.connection.report(HeardReport(1, 800.0))
        line.connection.hang_up()
        audio, report = [item async for item in line.connection.receive()]
        assert isinstance(audio, AudioChunk)
        assert report == HeardReport(1, 800.0)

    on_line(body)


def test_receive_ends_when_the_user_hangs_up() -> None:
    async def body(line: Line) -> None:
        asyncio.get_running_loop().call_later(0.5, line.connection.hang_up)
        assert [item async for item in line.connection.receive()] == []
        assert now() == pytest.approx(0.5)
        # Late packets are no fault.
        line.connection.feed(spoken(1)[0])
        line.connection.report(HeardReport(1, 1.0))
        line.connection.hang_up()
        assert line.closes == 0

    on_line(body)


def test_aclose_ends_receive_and_everything_else() -> None:
    async def body(line: Line) -> None:
        await line.connection.send(PACKET)
        receiving = asyncio.create_task(anext(aiter(line.connection.receive()), None))
        await asyncio.sleep(0.5)
        await line.connection.aclose()
        await line.connection.aclose()
        assert await receiving is None
        assert line.closes == 1
        sent = len(line.sent)
        await line.connection.send(PACKET)
        line.connection.feed(spoken(1)[0])
        line.connection.cancel()
        await asyncio.sleep(1)
        assert len(line.sent) == sent

    on_line(body)


@pytest.mark.parametrize("data", [b"", b"\x80", bytes(12), b"\xff" * 200, b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_rtp_is_counted(data: bytes) -> None:
    async def body(line: Line) -> None:
        line.connection.feed(data)
        line.connection.feed(spoken(1)[0].serialize())
        line.connection.hang_up()
        assert len([item async for item in line.connection.receive()]) == 1
        assert line.connection.broken_packets == 1

    on_line(body)


def test_audio_that_nobody_takes_is_bounded() -> None:
    async def body(line: Line) -> None:
        await speak(line.connection, spoken(100))
        line.connection.hang_up()
        left = [item async for item in line.connection.receive()]
        held_s = sum(item.duration_s for item in left if isinstance(item, AudioChunk))
        assert 0.95 < held_s <= 1.0
        assert line.connection.received.dropped == 100 - len(left)

    on_line(body)


def test_reports_that_nobody_takes_are_bounded() -> None:
    async def body(line: Line) -> None:
        for number in range(10_000):
            line.connection.report(HeardReport(number, 1.0))
        line.connection.hang_up()
        left = [item async for item in line.connection.receive()]
        assert left[-1] == HeardReport(9_999, 1.0)
        assert len(left) <= 50

    on_line(body)


def test_a_transport_that_fails_is_told_to_the_session() -> None:
    async def body(line: Line) -> None:
        line.fail = RuntimeError("the socket is gone")
        with pytest.raises(EngineError, match="the socket is gone"):
            async for _ in line.connection.receive():
                pass
        await asyncio.sleep(1)

    on_line(body)


def test_a_held_up_loop_does_not_make_up_silence() -> None:
    """Packets that came while the loop was held are fed before the clock looks for missing ones."""

    async def body(line: Line) -> None:
        packets = spoken(40)
        await speak(line.connection, packets[:20])
        arrived = asyncio.get_running_loop().create_future()

        async def feed_late() -> None:
            for packet in await arrived:
                line.connection.feed(packet)

        feeding = asyncio.create_task(feed_late())
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualClockLoop)
        loop.advance(0.4)
        # As from a socket: ready in the very turn of the loop in which the timer is overdue.
        loop.call_soon(arrived.set_result, packets[20:])
        await asyncio.sleep(0.01)
        await feeding
        assert line.connection.receiver.statistics.stall_ms == 0

    on_line(body)


def test_events_are_passed_on() -> None:
    async def body(line: Line) -> None:
        line.connection.notify(CallStarted(0.0, "a"))
        assert line.events == [CallStarted(0.0, "a")]

    on_line(body)
