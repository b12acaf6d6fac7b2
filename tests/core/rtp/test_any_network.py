"""The receiver's promises on any network, and with packets that nobody would send."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.rtp.streams import Delivery, Listener, on_time, packets_of, quiet, speech

from voicebot.rtp.opus import OpusDecoder
from voicebot.rtp.packet import RtpPacket
from voicebot.rtp.receiving import RtpReceiver
from voicebot.rtp.reordering import MAX_HELD
from voicebot.rtp.settings import JitterSettings

START_S = 10.0


@cache
def call() -> tuple[list[RtpPacket], float]:
    """Eight seconds of a user: two questions, each followed by silence with DTX; and how long it is."""
    sound = np.concatenate([speech(), quiet(1), speech(), quiet(3)])
    return packets_of(sound, skip_dtx=True, sequence_number=65_500, timestamp=(1 << 32) - 50_000), len(
        sound
    ) / 48_000


def harmed(seed: int, loss: float, jitter_ms: float, duplicates: float, stalls: int) -> list[Delivery]:
    source = random.Random(seed)
    packets, length_s = call()
    deliveries: list[Delivery] = []
    starts = [source.uniform(0, length_s) for _ in range(stalls)]
    blocked = [(start, start + source.uniform(0.1, 0.8)) for start in starts]
    for arrival_s, packet in on_time(packets):
        for _ in range(2 if source.random() < duplicates else 1):
            if source.random() < loss:
                continue
            at_s = arrival_s + source.expovariate(1) * jitter_ms / 1000
            for start, end in blocked:
                if start <= at_s - START_S < end:
                    at_s = START_S + end
            deliveries.append((at_s, packet))
    return sorted(deliveries, key=lambda delivery: delivery[0])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.sampled_from([0.0, 0.02, 0.1, 0.4]),
    st.sampled_from([0.0, 2.0, 15.0, 60.0]),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.integers(0, 3),
)
def test_the_audio_keeps_to_the_clock(
    seed: int, loss: float, jitter_ms: float, duplicates: float, stalls: int
) -> None:
    _, length_s = call()
    deliveries = harmed(seed, loss, jitter_ms, duplicates, stalls)
    if not deliveries:
        return
    listener = Listener()
    for arrival_s, packet in deliveries:
        listener.hear([(arrival_s, packet)])
        assert len(listener.receiver._order._held) <= MAX_HELD
    end_s = max(START_S + length_s, listener.now_s) + 1
    audio = listener.hear([], until_s=end_s)
    statistics = listener.receiver.statistics
    assert listener.times_s == sorted(listener.times_s)
    assert statistics.received == len(deliveries)
    # As long as the time it took, plus what was filled first and spoken later, less what was left out for it.
    elapsed_ms = (end_s - deliveries[0][0]) * 1000
    audio_ms = len(audio) / 16
    assert audio_ms >= elapsed_ms - statistics.skipped_ms - 60 - 5 * jitter_ms
    assert audio_ms <= elapsed_ms - statistics.skipped_ms + statistics.stall_ms + statistics.dtx_ms
    if jitter_ms == stalls == 0:
        assert audio_ms == pytest.approx(elapsed_ms, abs=61)
    # Whoever left nothing out has lost nothing.
    if loss == 0 and jitter_ms <= 2:
        assert statistics.lost == statistics.late == statistics.resets == 0
    assert statistics.resets == 0


def test_random_loss_is_mended_well_enough_to_measure() -> None:
    """One packet in ten lost at random: nearly all of them are mended by FEC, and the length is right."""
    deliveries = harmed(seed=4, loss=0.1, jitter_ms=2, duplicates=0, stalls=0)
    listener = Listener()
    listener.hear(deliveries)
    statistics = listener.receiver.statistics
    assert statistics.lost > 10
    assert statistics.recovered > 0.5 * statistics.lost


PACKET = st.builds(
    RtpPacket,
    payload_type=st.sampled_from([111, 111, 111, 126]),
    sequence_number=st.integers(0, 30) | st.integers(65_500, 65_535) | st.integers(0, 65_535),
    timestamp=st.integers(0, 30).map(lambda slot: slot * 960) | st.integers(0, (1 << 32) - 1),
    ssrc=st.sampled_from([1, 1, 1, 2]),
    payload=st.binary(max_size=8)
    | st.sampled_from([packet.payload for packet in packets_of(speech()[:48_000])]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 0.3) | st.just(0.0), PACKET), max_size=80),
    st.builds(JitterSettings, max_wait_ms=st.sampled_from([0, 60, 500]), stall_ms=st.sampled_from([20, 200])),
    st.sampled_from([None, 111]),
)
def test_any_packets_are_survived(
    arrivals: list[tuple[float, RtpPacket]], jitter: JitterSettings, payload_type: int | None
) -> None:
    listener = Listener(jitter, payload_type)
    now_s = 1.0
    for wait_s, packet in arrivals:
        now_s += wait_s
        before = len(listener.audio)
        listener.hear([(now_s, packet)])
        assert len(listener.receiver._order._held) <= MAX_HELD
        # For each packet that may have been waiting: itself, 2 s before it, and the time that went by.
        assert len(listener.audio) - before <= (MAX_HELD + 2) * (2.3 + wait_s) * 16_000
    assert listener.receiver.statistics.received == len(arrivals)
    assert all(chunk.sample_rate == 16_000 and 0 < len(chunk.samples) <= 1920 for chunk in listener.chunks)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=60))
def test_polls_at_any_time_do_no_harm(calls: list[tuple[float, bool]]) -> None:
    """A caller may poll too early, too late, or not at all."""
    packets, _ = call()
    waiting = iter(packets)
    receiver = RtpReceiver(OpusDecoder(), JitterSettings())
    now_s = START_S
    for wait_s, is_packet in calls:
        now_s += wait_s
        chunks = receiver.receive(next(waiting), now_s) if is_packet else receiver.poll(now_s)
        assert sum(chunk.duration_s for chunk in chunks) <= 2.2
        due_s = receiver.next_poll_s()
        assert is_packet or due_s is None or due_s > now_s


def test_a_flood_is_bounded() -> None:
    """Every second number is missing, three thousand packets at once."""
    payload = packets_of(speech())[50].payload
    receiver = RtpReceiver(OpusDecoder(), JitterSettings())
    for index in range(3_000):
        packet = RtpPacket(111, index * 2 % (1 << 16), index * 1920 % (1 << 32), 7, payload)
        chunks = receiver.receive(packet, START_S)
        assert sum(chunk.duration_s for chunk in chunks) < 1
        assert len(receiver._order._held) <= MAX_HELD
    assert receiver.statistics.lost > 2_900
