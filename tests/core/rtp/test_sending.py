"""What leaves, when, and what a browser's decoder makes of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.rtp.streams import SLOT_16K, SLOT_S, Listener, on_time, similarity, speech

from voicebot.audio import AudioChunk, Samples, resample
from voicebot.rtp.opus import OpusDecoder, OpusEncoder
from voicebot.rtp.packet import RtpPacket
from voicebot.rtp.sending import CAPACITY, MAX_BURST, RtpSender
from voicebot.rtp.settings import OpusSettings

SPEECH = [AudioChunk(piece, 48_000) for piece in speech().reshape(-1, 960)]
LOUD = SPEECH[40:60]
"""In the middle of words."""


def sender(*, sequence_number: int = 500, timestamp: int = 1000, dtx: bool = True) -> RtpSender:
    encoder = OpusEncoder(OpusSettings(dtx=dtx))
    return RtpSender(encoder, 111, 7, sequence_number=sequence_number, timestamp=timestamp)


def run(
    out: RtpSender, slots: int, *, start: int = 0, speech_at: dict[int, list[AudioChunk]] | None = None
) -> list[RtpPacket]:
    """Wake exactly in time for each slot; speech is pushed just before the slot it is listed at, one packet a slot."""
    packets: list[RtpPacket] = []
    to_say: list[AudioChunk] = []
    for slot in range(start, start + slots):
        to_say += (speech_at or {}).get(slot, [])
        if to_say:
            out.push(to_say.pop(0))
        packets += out.due(100 + slot * SLOT_S)
    return packets


def slot_of(packet: RtpPacket, timestamp: int = 1000) -> int:
    ticks = (packet.timestamp - timestamp) % (1 << 32)
    assert ticks % 960 == 0
    return ticks // 960


def test_timestamps_count_slots_and_numbers_count_packets() -> None:
    packets = run(sender(), 400, speech_at={100: SPEECH, 300: SPEECH[:50]})
    slots = [slot_of(packet) for packet in packets]
    assert slots == sorted(set(slots))
    assert [packet.sequence_number for packet in packets] == list(range(500, 500 + len(packets)))
    assert set(range(100, 150)) <= set(slots)
    assert {(packet.payload_type, packet.ssrc) for packet in packets} == {(111, 7)}


def test_numbers_and_timestamps_wrap() -> None:
    packets = run(sender(sequence_number=65_530, timestamp=(1 << 32) - 960 * 5), 20, speech_at={0: SPEECH})
    assert [packet.sequence_number for packet in packets[4:8]] == [65_534, 65_535, 0, 1]
    assert [packet.timestamp for packet in packets[4:6]] == [(1 << 32) - 960, 0]
    assert all(RtpPacket.parse(packet.serialize()) == packet for packet in packets)


def test_the_start_is_random() -> None:
    starts = {
        (packet.sequence_number, packet.timestamp)
        for packet in (RtpSender(OpusEncoder(OpusSettings()), 111, 7).due(0.0)[0] for _ in range(5))
    }
    assert len(starts) == 5


def test_the_marker_begins_a_talk_spurt() -> None:
    packets = run(sender(), 400, speech_at={100: LOUD, 150: LOUD, 300: LOUD})
    assert [slot_of(packet) for packet in packets if packet.marker] == [100, 150, 300]


def test_what_was_said_is_heard_at_its_place() -> None:
    packets = run(sender(), 300, speech_at={100: SPEECH})
    audio = Listener().hear(on_time(packets))
    original = resample(speech(), 48_000, 16_000)
    start = 100 * SLOT_16K
    best = max(range(60, 160), key=lambda lag: similarity(audio[start + lag :][: len(original)], original))
    assert similarity(audio[start + best :][: len(original)], original) > 0.9
    assert 4 <= best / 16 <= 8  # the codec's look-ahead, 6.5 ms


def test_silence_is_a_packet_in_400_ms_and_its_announcement() -> None:
    out = sender()
    run(out, 100)
    packets = run(out, 500, start=100)  # 10 s
    refreshes = [packet for packet in packets if len(packet.payload) > 2]
    assert len(refreshes) in range(23, 27)
    assert len(packets) == pytest.approx(2 * len(refreshes), abs=1)
    assert out.statistics.unsent + out.statistics.packets == 600
    assert not any(packet.marker for packet in packets)


def test_speech_is_fifty_packets_a_second() -> None:
    assert len(run(sender(), 50, speech_at={0: LOUD * 3})) == 50


def test_without_dtx_silence_is_sent() -> None:
    packets = run(sender(dtx=False), 500)
    assert len(packets) == 500
    assert [slot_of(packet) for packet in packets] == list(range(500))


def test_a_cancellation_is_silence_from_the_next_packet_on() -> None:
    out = sender()
    for chunk in LOUD[:5]:
        out.push(chunk)
    before = out.due(100.0) + out.due(100.02)
    out.cancel()
    after = [packet for slot in range(2, 12) for packet in out.due(100 + slot * SLOT_S)]
    decoder = OpusDecoder()
    heard = [decoder.decode(packet.payload).astype(float) for packet in [*before, *after]]
    level = [math.sqrt(np.mean(samples**2)) for samples in heard]
    assert level[1] > 500
    # What the codec still holds back of the packet before (6.5 ms) rings out in the first silent one.
    assert math.sqrt(np.mean(heard[2][160:] ** 2)) < level[1] / 5
    assert level[3] < level[1] / 15
    assert level[4] < level[1] / 250
    assert out.statistics.cancelled == 3
    assert out.heard_samples() == 2 * 960
    out.push(LOUD[0])
    assert out.due(100 + 12 * SLOT_S)[-1].marker
    assert out.heard_samples() == 3 * 960


def test_heard_samples_count_what_has_left() -> None:
    out = sender()
    for chunk in LOUD[:3]:
        out.push(chunk)
    out.push(AudioChunk(LOUD[3].samples[:100], 48_000))
    assert out.heard_samples() == 0
    heard = []
    for slot in range(6):
        out.due(100 + slot * SLOT_S)
        heard.append(out.heard_samples())
    assert heard == [960, 1920, 2880, 2980, 2980, 2980]


def test_a_full_queue_drops_the_oldest_and_the_listener_is_past_it() -> None:
    out = sender()
    for chunk in LOUD[: CAPACITY + 3]:
        out.push(chunk)
    assert out.statistics.dropped == 3
    assert out.statistics.high_water == CAPACITY
    assert out.heard_samples() == 3 * 960
    run(out, CAPACITY)
    assert out.heard_samples() == (CAPACITY + 3) * 960


@pytest.mark.parametrize(("samples", "rate"), [(960, 16_000), (961, 48_000)])
def test_a_packet_of_another_kind_is_refused(samples: int, rate: int) -> None:
    with pytest.raises(ValueError, match="960 at 48000"):
        sender().push(AudioChunk(np.zeros(samples, np.int16), rate))


def test_the_clock_starts_with_the_first_call() -> None:
    out = sender()
    assert out.next_due_s() == -math.inf
    assert [slot_of(packet) for packet in out.due(50.0)] == [0]
    assert out.next_due_s() == pytest.approx(50.02)
    assert out.due(50.019) == []


def test_speech_after_silence_begins_at_once() -> None:
    out = sender()
    run(out, 100)
    silence_from = 100 + 99 * SLOT_S
    assert out.next_due_s() == pytest.approx(silence_from + SLOT_S)
    out.push(LOUD[0])
    out.push(LOUD[1])
    now_s = silence_from + 0.003
    assert out.next_due_s() <= now_s
    [first] = out.due(now_s)
    assert first.marker
    # Its timestamp is the time that it is, and the next ones follow from there.
    assert first.timestamp - 1000 == pytest.approx((now_s - 100) * 48_000, abs=1)
    assert out.next_due_s() == pytest.approx(now_s + SLOT_S, abs=1e-4)
    assert out.due(now_s + SLOT_S - 0.001) == []
    [second] = out.due(out.next_due_s())
    assert second.timestamp - first.timestamp == 960
    assert out.statistics.skipped == 0


def test_speech_after_silence_begins_now_where_slots_were_missed() -> None:
    out = sender()
    run(out, 100)
    now_s = 100 + 103.4 * SLOT_S
    out.push(LOUD[0])
    [first] = out.due(now_s)
    assert first.timestamp - 1000 == pytest.approx(103.4 * 960, abs=1)
    out.push(LOUD[1])
    [second] = out.due(out.next_due_s())
    assert second.timestamp - first.timestamp == 960
    assert out.statistics.skipped == 3


def test_a_push_amid_speech_waits_for_its_slot() -> None:
    out = sender()
    run(out, 20, speech_at={10: LOUD[:10]})
    out.push(LOUD[10])
    assert out.next_due_s() == pytest.approx(100 + 20 * SLOT_S)
    assert out.due(100 + 19.5 * SLOT_S) == []


def test_a_late_wake_up_sends_all_speech_in_its_own_slots() -> None:
    out = sender()
    out.due(100.0)
    for chunk in LOUD[:3]:
        out.push(chunk)
    packets = out.due(100.0 + 5 * SLOT_S)
    # Three of five missed slots had something to say; the present one is silence.
    assert [slot_of(packet) for packet in packets] == [1, 2, 3, 5]
    assert [packet.marker for packet in packets] == [True, False, False, False]
    assert out.statistics.skipped == 1
    assert out.heard_samples() == 3 * 960
    assert out.next_due_s() == pytest.approx(100 + 6 * SLOT_S)


def test_after_a_long_sleep_speech_goes_on_in_the_present() -> None:
    out = sender()
    out.due(100.0)
    for chunk in LOUD[:3]:
        out.push(chunk)
    packets = out.due(100 + 50 * SLOT_S)
    assert [slot_of(packet) for packet in packets] == [50]
    assert packets[0].marker
    assert out.statistics.skipped == 49
    packets += out.due(100 + 51 * SLOT_S) + out.due(100 + 52 * SLOT_S)
    assert [slot_of(packet) for packet in packets] == [50, 51, 52]
    assert [packet.marker for packet in packets] == [True, False, False]
    assert out.heard_samples() == 3 * 960


class CheapEncoder(OpusEncoder):
    """Bytes without libopus, for hours of slots."""

    def __init__(self, *, dtx: bool = False) -> None:
        self.dtx = dtx

    def encode(self, samples: Samples) -> bytes:
        return b"abc" if samples.any() or not self.dtx else b"a"


def test_an_hour_of_slots_drifts_by_nothing() -> None:
    out = RtpSender(CheapEncoder(), 111, 7, sequence_number=0, timestamp=0)
    now_s = 1234.5678
    out.due(now_s)
    for slot in range(1, 3600 * 50 + 1):
        # Woken exactly when it asks, as an event loop's timer is.
        now_s = out.next_due_s()
        packets = out.due(now_s)
        assert len(packets) == 1
        assert packets[0].timestamp == slot * 960
    assert now_s == pytest.approx(1234.5678 + 3600, abs=1e-6)
    assert out.statistics.skipped == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 15), st.booleans()), max_size=60))
def test_whatever_the_wake_ups(steps: list[tuple[float, int, bool]]) -> None:
    out = RtpSender(CheapEncoder(), 111, 7, sequence_number=0, timestamp=0)
    out.due(0.0)
    now_s, pushed, sent, last = 0.0, 0, 1, 0
    for wait_s, pushes, cancelled in steps:
        now_s += wait_s
        for _ in range(pushes):
            out.push(LOUD[0])
        pushed += pushes
        if cancelled:
            out.cancel()
        packets = out.due(now_s)
        assert len(packets) <= MAX_BURST
        for packet in packets:
            assert last < packet.timestamp // 960 <= now_s / SLOT_S + 1e-3
            last = packet.timestamp // 960
            assert packet.sequence_number == sent % (1 << 16)
            sent += 1
        if packets:
            assert last == math.floor((now_s + 1e-6) / SLOT_S), "the clock stands still"
        assert now_s < out.next_due_s() + 1e-5 <= now_s + SLOT_S + 2e-5
        statistics = out.statistics
        assert out.heard_samples() <= 960 * (pushed - statistics.cancelled)
        assert statistics.high_water <= CAPACITY
        assert statistics.packets == sent
        assert statistics.packets + statistics.skipped == last + 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.3), st.integers(0, 4)), max_size=60))
def test_with_dtx_timestamps_are_the_time_whenever_speech_begins(steps: list[tuple[float, int]]) -> None:
    out = RtpSender(CheapEncoder(dtx=True), 111, 7, sequence_number=0, timestamp=0)
    out.due(0.0)
    now_s, pushed, last = 0.0, 0, 0
    for wait_s, pushes in steps:
        until_s = now_s + wait_s
        while (due_s := max(now_s, out.next_due_s())) <= until_s:
            now_s = due_s
            for packet in out.due(now_s):
                assert last < packet.timestamp
                assert packet.timestamp == pytest.approx(now_s * 48_000, abs=2)
                last = packet.timestamp
        now_s = until_s
        for _ in range(pushes):
            out.push(LOUD[0])
        pushed += pushes
    for _ in range(CAPACITY + 1):
        now_s = max(now_s, out.next_due_s())
        out.due(now_s)
    assert out.heard_samples() == 960 * pushed
