"""Holding and releasing: what the listener hears in the end is what was sent."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voicebot.audio import AudioChunk, Samples
from voicebot.errors import EngineError
from voicebot.events import Event
from voicebot.speech.playback import Playback
from voicebot.testing import ScriptedTransport, as_engine, run_virtual

RATE = 24_000
SIZE = 480
Kind = Literal["samples", "slots", "packets", "blind"]


class Ear:
    """A connection, and the listener at its end.

    Kinds: `samples` plays and counts samples, as the wav transport does; `slots` sends whole packets at ticks of
    20 ms, counts one when it leaves, and has it played whatever comes after, as RTP does; `packets` counts one when it
    has been played and drops the one that is being played, as the scripted connection does; `blind` is `samples` and
    does not know what was heard.
    """

    call_id = ""
    sample_rate = RATE

    def __init__(self, kind: Kind, take_s: float = 0) -> None:
        self.kind = kind
        self.take_s = take_s
        """How long `send` takes."""
        self.fail_cancel: Exception | None = None
        self._playing: list[tuple[float, Samples]] = []
        self._silence: list[tuple[float, float]] = []

    async def send(self, packet: AudioChunk) -> None:
        if self.take_s:
            await asyncio.sleep(self.take_s)
        assert len(packet.samples) == SIZE
        begins_s = now()
        if self._playing:
            begins_s = max(begins_s, self._playing[-1][0] + len(self._playing[-1][1]) / RATE)
        if self.kind == "slots":
            begins_s = math.ceil(begins_s / 0.02 - 1e-6) * 0.02
        self._playing.append((begins_s, packet.samples))

    def cancel(self) -> None:
        if self.fail_cancel is not None:
            raise self.fail_cancel
        self._playing = self._played()

    def heard_samples(self) -> int | None:
        return None if self.kind == "blind" else sum(len(samples) for _, samples in self._played())

    @property
    def heard(self) -> list[int]:
        """What the listener heard by now, silence left out."""
        played = [samples for _, samples in self._played()]
        samples = np.concatenate(played) if played else np.zeros(0, np.int16)
        return [int(sample) for sample in samples[samples != 0]]

    @property
    def heard_count(self) -> int:
        return sum(int(np.count_nonzero(samples)) for _, samples in self._played())

    @property
    def speaks(self) -> bool:
        """Whether anything is still to be heard."""
        return len(self._played()) < len(self._playing)

    def _played(self) -> list[tuple[float, Samples]]:
        return [
            (begin_s, samples[:count])
            for begin_s, samples in self._playing
            if (count := self._count(now() - begin_s))
        ]

    def _count(self, since_s: float) -> int:
        samples = min(max(math.floor(since_s * RATE + 1e-3), 0), SIZE)
        if self.kind == "slots":
            return SIZE if since_s >= -1e-9 else 0
        return samples if self.kind != "packets" else samples // SIZE * SIZE

    def receive(self) -> AsyncIterator[AudioChunk]:
        raise NotImplementedError

    def notify(self, event: Event) -> None: ...

    async def aclose(self) -> None: ...


def now() -> float:
    return asyncio.get_running_loop().time()


def playback(ear: Ear) -> Playback:
    return Playback(ear, as_engine("transport", ScriptedTransport()))


def speech(turn: int, packets: int) -> list[int]:
    """The turn's samples: all different from each other and from silence."""
    sign = 1 if turn % 2 else -1
    return [sign * number for number in range(1, packets * SIZE + 1)]


def packet(turn: int, number: int) -> AudioChunk:
    samples = speech(turn, number + 1)[number * SIZE :]
    return AudioChunk(np.array(samples, np.int16), RATE)


async def say(to: Playback, turn: int, packets: int, late: list[float] | None = None) -> list[float | None]:
    """Send the turn and wait until it was played; when each packet plays."""
    played = []
    for number in range(packets):
        if late:
            await asyncio.sleep(late[number % len(late)])
        played.append(await to.send(turn, packet(turn, number)))
    await to.played_out()
    return played


@pytest.mark.parametrize("kind", ["samples", "slots", "packets"])
def test_a_hold_is_silence_at_once_and_a_release_goes_on_after_the_last_sample(kind: Kind) -> None:
    async def main() -> None:
        ear = Ear(kind)
        out = playback(ear)
        out.admit(1)
        saying = asyncio.ensure_future(say(out, 1, 12))
        await asyncio.sleep(0.07)
        out.hold()
        heard = ear.heard
        assert heard == speech(1, 12)[: {"samples": 1680, "slots": 1920, "packets": 1440}[kind]]
        assert out.heard_samples(1) == len(heard)
        await asyncio.sleep(5)
        assert ear.heard == heard
        assert out.heard_samples(1) == len(heard)
        out.release()
        # The sender has packets that wait: it goes on at once.
        await asyncio.sleep(0.041)
        assert len(heard) < len(ear.heard)
        await saying
        assert ear.heard == speech(1, 12)
        assert out.heard_samples(1) == 12 * SIZE
        assert now() == pytest.approx(5.07 + 0.24 - len(heard) // SIZE * 0.02, abs=0.021)

    run_virtual(main())


def test_a_release_plays_the_rest_of_a_turn_that_was_sent_whole() -> None:
    async def main() -> None:
        ear = Ear("samples")
        out = playback(ear)
        out.admit(1)
        saying = asyncio.ensure_future(say(out, 1, 4))
        await asyncio.sleep(0.03)
        out.hold()
        await asyncio.sleep(1)
        assert not saying.done()
        out.release()
        await asyncio.sleep(0.01)
        out.hold()
        out.hold()
        out.release()
        out.release()
        await asyncio.sleep(0.001)
        assert ear.speaks
        await saying
        assert ear.heard == speech(1, 4)

    run_virtual(main())


def test_a_sender_that_is_paced_goes_on_with_the_release_not_with_its_next_packet() -> None:
    async def main() -> None:
        ear = Ear("samples")
        out = playback(ear)
        out.admit(1)
        saying = asyncio.ensure_future(say(out, 1, 10))
        await asyncio.sleep(0.041)
        out.hold()
        await asyncio.sleep(0.001)
        out.release()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert ear.speaks
        await saying
        assert ear.heard == speech(1, 10)

    run_virtual(main())


def test_a_turn_that_is_held_before_its_first_packet_begins_with_the_release() -> None:
    async def main() -> None:
        ear = Ear("samples")
        out = playback(ear)
        out.admit(1)
        out.hold()
        saying = asyncio.ensure_future(say(out, 1, 3))
        await asyncio.sleep(1)
        assert ear.heard == []
        out.release()
        assert (await saying)[0] == pytest.approx(1)
        assert ear.heard == speech(1, 3)

    run_virtual(main())


@pytest.mark.parametrize("kind", ["samples", "slots", "packets"])
def test_a_turn_admitted_while_another_is_held_is_neither_held_nor_mixed_with_it(kind: Kind) -> None:
    async def main() -> None:
        ear = Ear(kind)
        out = playback(ear)
        out.admit(1)
        saying = asyncio.ensure_future(say(out, 1, 10))
        await asyncio.sleep(0.05)
        out.hold()
        heard = ear.heard
        out.admit(2)
        assert out.heard_samples(1) == out.heard_samples(2) == 0
        assert (await saying)[-1] is None
        await say(out, 2, 5)
        assert out.heard_samples(2) == 5 * SIZE
        assert ear.heard == heard + speech(2, 5)

    run_virtual(main())


@pytest.mark.parametrize("kind", ["samples", "slots", "packets", "blind"])
def test_a_held_turn_that_is_cancelled_says_no_more(kind: Kind) -> None:
    async def main() -> None:
        ear = Ear(kind)
        out = playback(ear)
        out.admit(1)
        saying = asyncio.ensure_future(say(out, 1, 10))
        await asyncio.sleep(0.05)
        out.hold()
        heard = ear.heard
        await asyncio.sleep(1)
        assert out.cancel(1) == len(heard)
        out.release()
        assert (await saying)[-1] is None
        assert ear.heard == heard
        out.admit(2)
        await say(out, 2, 3)
        assert out.heard_samples(2) == 3 * SIZE

    run_virtual(main())


def test_a_packet_that_the_connection_was_taking_when_the_hold_came_is_said_after_it() -> None:
    async def main() -> None:
        ear = Ear("samples", take_s=0.005)
        out = playback(ear)
        out.admit(1)
        saying = asyncio.ensure_future(say(out, 1, 3))
        await asyncio.sleep(0.002)
        out.hold()
        await asyncio.sleep(1)
        assert ear.heard == []
        out.release()
        assert (await saying)[0] == pytest.approx(1.002)
        await asyncio.sleep(ear.take_s)
        assert ear.heard == speech(1, 3)

    run_virtual(main())


def test_a_packet_that_the_connection_was_taking_when_the_turn_was_cancelled_is_not_heard() -> None:
    async def main() -> None:
        ear = Ear("samples", take_s=0.005)
        out = playback(ear)
        out.admit(1)
        saying = asyncio.ensure_future(say(out, 1, 3))
        await asyncio.sleep(0.002)
        assert out.cancel(1) == 0
        assert await saying == [None] * 3
        await asyncio.sleep(1)
        assert ear.heard == []

    run_virtual(main())


def test_what_is_told_as_played_is_what_was_heard_and_when() -> None:
    class Told:
        def __init__(self) -> None:
            self.at: dict[int, float] = {}

        def played(self, samples: Samples, sample_rate: int, at_s: float) -> None:
            for index, sample in enumerate(samples):
                if sample:
                    assert int(sample) not in self.at
                    self.at[int(sample)] = at_s + index / sample_rate

        def cancelled(self, from_s: float) -> None:
            self.at = {sample: at for sample, at in self.at.items() if at < from_s - 1e-6}

    async def main() -> None:
        ear, told = Ear("samples"), Told()
        out = Playback(ear, as_engine("transport", ScriptedTransport()), told)
        out.admit(1)
        saying = asyncio.ensure_future(say(out, 1, 10))
        await asyncio.sleep(0.05)
        out.hold()
        assert list(told.at) == ear.heard == speech(1, 10)[:1200]
        await asyncio.sleep(1)
        out.release()
        await asyncio.sleep(0.1)
        out.cancel(1)
        await saying
        assert list(told.at) == ear.heard == speech(1, 10)[: len(ear.heard)]
        first = ear.heard[1200]
        assert 0 <= told.at[first] - 1.05 < 0.02

    run_virtual(main())


def test_without_the_floor_there_is_nothing_to_hold_or_to_wait_for() -> None:
    async def main() -> None:
        out = playback(Ear("samples"))
        out.hold()
        await out.played_out()
        assert await out.send(1, packet(1, 0)) is None
        out.release()

    run_virtual(main())


def test_a_connection_that_cannot_be_silenced_is_the_transports_fault() -> None:
    async def main() -> None:
        ear = Ear("samples")
        out = playback(ear)
        out.admit(1)
        ear.fail_cancel = OSError("gone")
        with pytest.raises(EngineError, match="gone") as caught:
            out.hold()
        assert caught.value.kind == "transport"

    run_virtual(main())


_actions = st.lists(
    st.tuples(st.floats(0, 0.15), st.sampled_from(["hold", "hold", "release", "release", "look"])),
    max_size=12,
)
_turn = st.tuples(
    st.integers(1, 20),  # packets
    _actions,
    st.none() | st.floats(0, 0.5),  # cancelled so much later
    st.lists(st.floats(0, 0.04), max_size=3),  # how late the sender is, over and over
)
_Turn = tuple[int, list[tuple[float, str]], float | None, list[float]]


@pytest.mark.parametrize("kind", ["samples", "slots", "packets", "blind"])
@given(turns=st.lists(_turn, min_size=1, max_size=3))
@example(turns=[(3, [(0.03, "hold"), (0, "release"), (0.005, "hold"), (0, "release")], None, [])])
@settings(max_examples=60, deadline=None)
def test_any_holds(kind: Kind, turns: list[_Turn]) -> None:
    async def main() -> None:
        ear = Ear(kind)
        out = playback(ear)
        before: list[int] = []
        for turn, (packets, actions, cancel_s, late) in enumerate(turns, 1):
            slack = 1 if kind == "blind" else 0
            out.admit(turn)
            saying = asyncio.ensure_future(say(out, turn, packets, late))
            held = False
            counted = 0
            for delay_s, action in actions:
                await asyncio.sleep(delay_s)
                if action == "hold":
                    out.hold()
                    held = True
                elif action == "release":
                    out.release()
                    slack += kind == "blind"
                    held = False
                if held:
                    assert not ear.speaks
                heard = out.heard_samples(turn)
                assert counted <= heard <= packets * SIZE
                assert heard == pytest.approx(ear.heard_count - len(before), abs=slack)
                counted = heard
            if cancel_s is None:
                out.release()
                await saying
                assert out.heard_samples(turn) == packets * SIZE
            else:
                await asyncio.sleep(cancel_s)
                counted = out.cancel(turn)
                await asyncio.sleep(1)
                await saying
            heard_now = ear.heard
            spoken = heard_now[len(before) :]
            if kind != "blind":
                assert heard_now == before + speech(turn, packets)[: len(spoken)]
                assert len(spoken) == (packets * SIZE if cancel_s is None else counted)
            else:
                # The estimate is right to a sample, which each release may repeat or skip.
                assert len(spoken) == pytest.approx(
                    counted if cancel_s is not None else packets * SIZE, abs=slack
                )
                assert abs(len(set(spoken)) - len(spoken)) <= slack
            before = heard_now

    run_virtual(main())
