"""The one way to the listener: pacing, holding, cancelling, and what was heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio import AudioChunk
from voicebot.errors import EngineError
from voicebot.speech.playback import Playback
from voicebot.testing import ScriptedConnection, ScriptedTransport, as_engine, run_virtual

RATE = 24_000
SIZE = 480


class Line(ScriptedConnection):
    """Also keeps one log of packets and cancellations; what plays may play on for `overrun` packets."""

    def __init__(self, *, blind: bool = False, overrun: int = 0) -> None:
        super().__init__([], sample_rate=RATE)
        self.log: list[tuple[str, int, int]] = []
        self.blind = blind
        self.overrun = overrun
        self.extra = 0

    async def send(self, packet: AudioChunk) -> None:
        self.log.append(("sent", int(packet.samples[-2]), int(packet.samples[-1])))
        await super().send(packet)

    def cancel(self) -> None:
        super().cancel()
        self.extra += self.overrun * SIZE

    def heard_samples(self) -> int | None:  # type: ignore[override]
        return None if self.blind else super().heard_samples() + self.extra

    def receive(self) -> AsyncIterator[AudioChunk]:
        raise NotImplementedError


def playback(line: ScriptedConnection) -> Playback:
    return Playback(line, as_engine("transport", ScriptedTransport()))


def packet(turn: int, number: int) -> AudioChunk:
    samples = np.zeros(SIZE, np.int16)
    samples[-2:] = turn, number
    return AudioChunk(samples, RATE)


def now() -> float:
    return asyncio.get_running_loop().time()


async def send_all(to: Playback, turn: int, count: int) -> list[float | None]:
    return [await to.send(turn, packet(turn, number)) for number in range(count)]


def test_packets_are_sent_a_lead_ahead_of_their_playout() -> None:
    async def main() -> None:
        line = Line()
        out = playback(line)
        assert out.sample_rate == RATE
        await asyncio.sleep(5)
        out.admit(1)
        assert await send_all(out, 1, 10) == [pytest.approx(5 + k * 0.02) for k in range(10)]
        assert [at for at, _ in line.sent] == [pytest.approx(max(5, 5 + k * 0.02 - 0.06)) for k in range(10)]
        assert out.heard_samples(1) < 10 * SIZE
        await out.played_out()
        assert now() == pytest.approx(5.2)
        assert out.heard_samples(1) == 10 * SIZE
        await out.played_out()
        assert now() == pytest.approx(5.2)

    run_virtual(main())


def test_a_turn_without_the_floor_is_refused() -> None:
    async def main() -> None:
        line = Line()
        out = playback(line)
        assert await out.send(1, packet(1, 0)) is None
        assert out.cancel(1) == out.heard_samples(1) == 0
        out.admit(1)
        out.admit(2)
        assert await out.send(1, packet(1, 0)) is None
        assert out.refused == 2
        assert line.log == []

    run_virtual(main())


def test_a_held_turn_goes_on_with_what_was_not_heard() -> None:
    async def main() -> None:
        line = Line()
        out = playback(line)
        out.admit(1)
        sending = asyncio.ensure_future(send_all(out, 1, 10))
        await asyncio.sleep(0.05)
        out.hold()
        assert line.cancelled == [0.05]
        sent = len(line.sent)
        await asyncio.sleep(3)
        assert out.heard_samples(1) == 2 * SIZE
        assert len(line.sent) == sent > 2
        out.release()
        played = await sending
        assert played[sent] == pytest.approx(3.05 + (sent - 2) * 0.02)
        assert [number for what, _, number in line.log if what == "sent"] == [*range(sent), *range(2, 10)]
        await out.played_out()
        assert out.heard_samples(1) == 10 * SIZE

    run_virtual(main())


def test_cancelling_lets_nothing_through_and_frees_a_held_sender() -> None:
    async def main() -> None:
        line = Line()
        out = playback(line)
        out.admit(1)
        sending = asyncio.ensure_future(send_all(out, 1, 10))
        await asyncio.sleep(0.05)
        out.hold()
        assert out.cancel(1) == 2 * SIZE
        sent = len(line.sent)
        assert (await sending)[sent:] == [None] * (10 - sent)
        assert len(line.sent) == sent
        assert out.refused == 10 - sent
        out.admit(2)
        assert await out.send(2, packet(2, 0)) == now()

    run_virtual(main())


def test_a_connection_that_cannot_know_is_asked_of_the_sample_clock() -> None:
    async def main() -> None:
        out = playback(Line(blind=True))
        out.admit(1)
        await send_all(out, 1, 4)
        assert out.heard_samples(1) == 0
        await asyncio.sleep(0.05)
        assert out.heard_samples(1) == pytest.approx(0.05 * RATE, abs=1)
        assert out.cancel(1) == pytest.approx(0.05 * RATE, abs=1)
        out.admit(2)
        assert out.heard_samples(2) == 0
        await send_all(out, 2, 2)
        await out.played_out()
        assert out.heard_samples(2) == 2 * SIZE

    run_virtual(main())


def test_what_plays_on_after_a_cancellation_is_not_the_next_turns() -> None:
    async def main() -> None:
        out = playback(Line(overrun=1))
        out.admit(1)
        await send_all(out, 1, 4)
        out.cancel(1)
        out.admit(2)
        await send_all(out, 2, 3)
        assert out.heard_samples(2) == 0
        await out.played_out()
        assert out.heard_samples(2) == 3 * SIZE

    run_virtual(main())


def test_a_failing_connection_is_the_transports_fault() -> None:
    async def main() -> None:
        line = Line()
        out = playback(line)
        out.admit(1)
        line.fail_send = OSError("gone")
        with pytest.raises(EngineError, match="gone") as caught:
            await out.send(1, packet(1, 0))
        assert caught.value.kind == "transport"

    run_virtual(main())


_turn = st.tuples(
    st.integers(1, 30),  # packets
    st.lists(st.tuples(st.floats(0, 0.1), st.sampled_from(["hold", "release", "look"])), max_size=6),
    st.none() | st.floats(0, 0.7),  # cancelled so much later
    st.lists(st.floats(0, 0.05), min_size=1, max_size=4),  # how late the sender is, over and over
)


@given(st.lists(_turn, min_size=1, max_size=4), st.booleans())
@settings(max_examples=60)
def test_any_interleaving(
    turns: list[tuple[int, list[tuple[float, str]], float | None, list[float]]], blind: bool
) -> None:
    line = Line(blind=blind)

    async def main() -> None:
        out = playback(line)
        senders = []
        for turn, (count, actions, cancel_s, late) in enumerate(turns, 1):

            async def sender(turn: int = turn, count: int = count, late: list[float] = late) -> None:
                for number in range(count):
                    await asyncio.sleep(late[number % len(late)])
                    await out.send(turn, packet(turn, number))

            heard_before = line.heard_samples()
            out.admit(turn)
            sending = asyncio.ensure_future(sender())
            senders.append(sending)
            heard = 0

            def sent(turn: int = turn) -> int:
                return sum(1 for what, who, _ in line.log if what == "sent" and who == turn)

            for delay_s, action in actions:
                await asyncio.sleep(delay_s)
                if action == "hold":
                    out.hold()
                elif action == "release":
                    out.release()
                before, heard = heard, out.heard_samples(turn)
                assert before <= heard <= sent() * SIZE
                assert out.heard_samples(turn + 1) == 0
            if cancel_s is None:
                out.release()
                await sending
                await out.played_out()
                assert out.heard_samples(turn) == count * SIZE
            else:
                await asyncio.sleep(cancel_s)
                before, heard = heard, out.cancel(turn)
                line.log.append(("cancel", turn, 0))
                assert before <= heard <= sent() * SIZE
                if heard_before is not None:
                    assert heard == line._heard - heard_before
                assert out.heard_samples(turn) == 0
        await asyncio.gather(*senders)

    run_virtual(main())
    cancelled = 0
    for what, turn, _ in line.log:
        assert turn > cancelled
        if what == "cancel":
            cancelled = turn
    for turn in range(1, len(turns) + 1):
        numbers = [number for what, who, number in line.log if what == "sent" and who == turn]
        assert list(dict.fromkeys(numbers)) == list(range(len(set(numbers))))
