"""What a recogniser hears of packets that a network has harmed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.core.rtp.streams import (
    SLOT_16K,
    SLOT_S,
    Listener,
    decoded,
    on_time,
    packets_of,
    quiet,
    similarity,
    speech,
)

from voicebot.rtp.opus import OpusDecoder, load_opus
from voicebot.rtp.receiving import RtpReceiver
from voicebot.rtp.settings import JitterSettings, OpusSettings

START_S = 10.0


def test_packets_in_order_are_heard_the_moment_they_come() -> None:
    packets = packets_of(speech())
    listener = Listener()
    deliveries = on_time(packets)
    np.testing.assert_array_equal(listener.hear(deliveries), decoded(packets))
    assert listener.times_s == [arrival_s for arrival_s, _ in deliveries]
    assert {chunk.sample_rate for chunk in listener.chunks} == {16_000}
    assert listener.receiver.statistics.received == len(packets)


def test_nothing_is_heard_or_awaited_before_the_first_packet() -> None:
    receiver = RtpReceiver(OpusDecoder(), JitterSettings())
    assert receiver.next_poll_s() is None
    assert receiver.poll(1000.0) == []


@pytest.mark.parametrize("first", [0, 65_500, 65_535])
def test_numbers_and_timestamps_wrap_unheard(first: int) -> None:
    packets = packets_of(speech(), sequence_number=first, timestamp=(1 << 32) - 20_000)
    assert packets[-1].timestamp < packets[0].timestamp
    listener = Listener()
    np.testing.assert_array_equal(listener.hear(on_time(packets)), decoded(packets))
    statistics = listener.receiver.statistics
    assert (statistics.lost, statistics.resets, statistics.dtx_ms, statistics.stall_ms) == (0, 0, 0, 0)
    assert statistics.jitter_ms == pytest.approx(0, abs=1e-6)


def test_packets_that_change_places_are_put_right() -> None:
    packets = packets_of(speech())
    deliveries = on_time(packets)
    for index in range(10, 80, 7):
        arrival_s, packet = deliveries[index]
        deliveries[index] = (arrival_s + 0.025, packet)
    listener = Listener()
    np.testing.assert_array_equal(listener.hear(deliveries), decoded(packets))
    statistics = listener.receiver.statistics
    assert statistics.reordered == 10
    assert statistics.lost == statistics.late == 0


def test_what_comes_twice_is_heard_once() -> None:
    packets = packets_of(speech())
    deliveries = on_time(packets)
    again = [(arrival_s + 0.001, packet) for arrival_s, packet in deliveries[::3]]
    much_later = [(arrival_s + 0.5, packet) for arrival_s, packet in deliveries[1:50:3]]
    listener = Listener()
    np.testing.assert_array_equal(listener.hear(deliveries + again + much_later), decoded(packets))
    assert listener.receiver.statistics.duplicate == len(again) + len(much_later)
    assert listener.receiver.statistics.late == 0


def test_a_copy_of_a_packet_that_waits_is_a_duplicate() -> None:
    packets = packets_of(speech())
    deliveries = on_time(packets)
    del deliveries[20]
    arrival_s, packet = deliveries[20]
    listener = Listener()
    listener.hear([*deliveries, (arrival_s + 0.002, packet)])
    assert listener.receiver.statistics.duplicate == 1


@pytest.mark.parametrize("max_wait_ms", [0, 15, 60])
def test_a_missing_packet_is_waited_for_no_longer_than_allowed(max_wait_ms: int) -> None:
    packets = packets_of(speech())
    deliveries = on_time(packets)
    del deliveries[40]
    successor_s = deliveries[40][0]
    listener = Listener(JitterSettings(max_wait_ms=max_wait_ms))
    audio = listener.hear(deliveries)
    statistics = listener.receiver.statistics
    assert statistics.lost == statistics.recovered == 1
    assert len(audio) == len(packets) * SLOT_16K
    # On an even network one packet's time is enough to know that it was no change of places.
    assert listener.times_s[40] - successor_s == pytest.approx(min(0.020, max_wait_ms / 1000))


def test_an_uneven_network_makes_it_more_patient() -> None:
    packets = packets_of(speech())
    waits = []
    for jitter_s in (0.0, 0.010, 0.050):
        # One packet in two comes that much late.
        deliveries = [
            (at + jitter_s * (index % 2), packet) for index, (at, packet) in enumerate(on_time(packets))
        ]
        receiver = RtpReceiver(OpusDecoder(), JitterSettings(max_wait_ms=60))
        for arrival_s, packet in sorted(deliveries[:80], key=lambda delivery: delivery[0]):
            receiver.receive(packet, arrival_s)
        arrival_s, packet = deliveries[82]
        receiver.receive(packet, arrival_s)
        due_s = receiver.next_poll_s()
        assert due_s is not None
        waits.append(due_s - arrival_s)
    assert waits[0] == pytest.approx(0.020)
    assert 0.040 < waits[1] < 0.060
    assert waits[2] == pytest.approx(0.060)


def test_fec_brings_lost_speech_back_and_concealment_only_guesses() -> None:
    """Every fifth packet is lost: with FEC what is heard there is much nearer to what was said."""
    near = {}
    for fec in (True, False):
        packets = packets_of(speech(), settings=OpusSettings(fec=fec, expected_loss_percent=20, dtx=False))
        kept = [delivery for index, delivery in enumerate(on_time(packets)) if index % 5 != 3]
        listener = Listener()
        heard, clean = listener.hear(kept, until_s=START_S + len(packets) * SLOT_S), decoded(packets)
        assert len(heard) == len(clean)
        lost = np.concatenate(
            [np.arange(i * SLOT_16K, (i + 1) * SLOT_16K) for i in range(3, len(packets), 5)]
        )
        near[fec] = similarity(heard[lost], clean[lost])
        statistics = listener.receiver.statistics
        assert statistics.lost == len(packets) - len(kept)
        assert statistics.recovered > 0.6 * statistics.lost if fec else statistics.recovered == 0
        assert statistics.recovered + statistics.concealed_ms / 20 == pytest.approx(statistics.lost)
    assert near[True] > 0.97
    assert 1 - near[True] < (1 - near[False]) / 5


def test_a_long_loss_is_guessed_at_for_a_while_then_silent_then_mended_at_its_end() -> None:
    packets = packets_of(speech())
    deliveries = on_time(packets)
    lost = range(40, 60)
    kept = [delivery for index, delivery in enumerate(deliveries) if index not in lost]
    # Packets go on coming all the time (late ones that were lost would be), so nothing is filled by time.
    listener = Listener(JitterSettings(stall_ms=1000))
    audio = listener.hear(kept)
    assert len(audio) == len(packets) * SLOT_16K
    hole = audio[lost.start * SLOT_16K : lost.stop * SLOT_16K]
    guessed, silent, mended = np.split(hole, [4 * SLOT_16K, 19 * SLOT_16K])
    assert not silent.any()
    decoder = OpusDecoder()
    for packet in packets[:40]:
        decoder.decode(packet.payload)
    np.testing.assert_array_equal(guessed, decoder.conceal(4 * SLOT_16K))
    np.testing.assert_array_equal(mended, decoder.recover(packets[60].payload, SLOT_16K))
    assert mended.any()
    statistics = listener.receiver.statistics
    assert (statistics.lost, statistics.recovered, statistics.concealed_ms) == (20, 1, 19 * 20)
    assert statistics.dtx_ms == 0


def test_dtx_silence_is_heard_while_it_lasts() -> None:
    """The audio's length follows the clock within three packets, though one packet comes in 400 ms."""
    sound = np.concatenate([speech(), quiet(3), speech()])
    packets = packets_of(sound, skip_dtx=True)
    assert len(packets) < len(sound) / 960 - 100
    listener = Listener()
    deliveries = on_time(packets)
    for tick in range(round(len(sound) / 48_000 / 0.005)):
        now_s = START_S + tick * 0.005
        due = [delivery for delivery in deliveries if listener.now_s <= delivery[0] < now_s]
        listener.hear(due, until_s=now_s)
        expected = now_s - START_S
        if expected > 0.06:
            assert expected - 0.060 <= len(listener.audio) / 16_000 <= expected + 0.021
    statistics = listener.receiver.statistics
    assert statistics.stall_ms == statistics.lost == statistics.resets == statistics.skipped_ms == 0
    # The second question stands where it was said, to the sample.
    clean = decoded(packets_of(sound))
    assert similarity(listener.audio[-len(speech()) // 3 :], clean[len(clean) - len(speech()) // 3 :]) > 0.95
    assert len(listener.audio) == len(clean)


def test_a_dtx_gap_without_a_poll_is_silence_of_its_length() -> None:
    packets = packets_of(np.concatenate([speech(), quiet(2), speech()]), skip_dtx=True)
    receiver = RtpReceiver(OpusDecoder(), JitterSettings())
    heard = [chunk for arrival_s, packet in on_time(packets) for chunk in receiver.receive(packet, arrival_s)]
    assert sum(len(chunk.samples) for chunk in heard) == (2 * len(speech()) + len(quiet(2))) // 3
    assert max(len(chunk.samples) for chunk in heard) == SLOT_16K
    assert receiver.statistics.dtx_ms == 20 * (len(speech()) * 2 // 960 + 100 - len(packets))


def test_a_dtx_gap_whose_first_packet_was_lost_has_the_right_length() -> None:
    packets = packets_of(np.concatenate([speech(), quiet(2), speech()]), skip_dtx=True)
    last_dtx = max(index for index, packet in enumerate(packets) if len(packet.payload) <= 2)
    deliveries = on_time(packets)
    del deliveries[last_dtx]
    listener = Listener()
    audio = listener.hear(deliveries)
    assert len(audio) == (2 * len(speech()) + len(quiet(2))) // 3
    statistics = listener.receiver.statistics
    assert statistics.lost == 1
    assert statistics.concealed_ms <= 20


def test_a_stall_amid_speech_is_silence_only_after_a_while_and_then_to_the_present() -> None:
    packets = packets_of(speech())
    deliveries = on_time(packets)[:40]
    last_s = deliveries[-1][0]
    listener = Listener(JitterSettings(stall_ms=200))
    listener.hear(deliveries, until_s=last_s + 0.199)
    assert len(listener.audio) == 40 * SLOT_16K
    listener.poll_until(last_s + 0.2001)
    assert len(listener.audio) == (40 + 9) * SLOT_16K
    listener.poll_until(last_s + 1.0401)
    assert len(listener.audio) == (40 + 51) * SLOT_16K
    assert not listener.audio[40 * SLOT_16K :].any()
    assert listener.receiver.statistics.stall_ms == 51 * 20
    assert listener.receiver.statistics.dtx_ms == 0


def test_speech_that_a_stall_held_up_is_heard_whole() -> None:
    sound = np.concatenate([speech(), quiet(6), speech()])
    packets = packets_of(sound, skip_dtx=True)
    stall = (START_S + 0.5, START_S + 1.1)
    deliveries = [
        (stall[1] if stall[0] < arrival_s < stall[1] else arrival_s, packet)
        for arrival_s, packet in on_time(packets)
    ]
    listener = Listener(JitterSettings(stall_ms=200))
    audio = listener.hear(deliveries, until_s=START_S + len(sound) / 48_000)
    statistics = listener.receiver.statistics
    assert statistics.lost == statistics.late == statistics.resets == 0
    assert 500 < statistics.stall_ms < 600
    # Nothing is missing on either side of the silence that was filled in.
    clean = decoded(packets_of(speech(), settings=OpusSettings()))
    at, filled = 26 * SLOT_16K, round(statistics.stall_ms * 16)
    np.testing.assert_array_equal(audio[:at], clean[:at])
    assert not audio[at : at + filled].any()
    np.testing.assert_array_equal(audio[at + filled : len(clean) + filled], clean[at:])
    # And the long silence after it makes up for it.
    assert statistics.skipped_ms == pytest.approx(statistics.stall_ms)
    assert len(audio) == len(sound) // 3


def test_time_that_was_filled_twice_is_not_taken_off_a_turns_end() -> None:
    sound = np.concatenate([speech(), quiet(1.9)])
    packets = packets_of(sound, skip_dtx=True)
    stall = (START_S + 0.5, START_S + 1.1)
    deliveries = [(stall[1] if stall[0] < at < stall[1] else at, packet) for at, packet in on_time(packets)]
    listener = Listener()
    end_s = START_S + len(sound) / 48_000
    audio = listener.hear(deliveries, until_s=end_s)
    statistics = listener.receiver.statistics
    assert statistics.skipped_ms == 0
    assert len(audio) / 16_000 == pytest.approx(end_s - START_S + statistics.stall_ms / 1000, abs=0.061)


def test_packets_that_all_come_late_are_no_stall() -> None:
    """The path becomes 400 ms longer while the user speaks: one gap, then speech without holes."""
    packets = packets_of(np.concatenate([speech(), speech()]))
    deliveries = [
        (at + (0.4 if index >= 50 else 0), packet) for index, (at, packet) in enumerate(on_time(packets))
    ]
    listener = Listener()
    audio = listener.hear(deliveries)
    filled = round(listener.receiver.statistics.stall_ms * 16)
    assert 350 <= filled / 16 <= 400
    hole = slice(50 * SLOT_16K, 50 * SLOT_16K + filled)
    assert not audio[hole].any()
    np.testing.assert_array_equal(np.delete(audio, hole), decoded(packets))


def test_late_packets_are_dropped_when_their_successors_were_heard() -> None:
    packets = packets_of(speech())
    deliveries = on_time(packets)
    arrival_s, packet = deliveries[30]
    deliveries[30] = (arrival_s + 0.3, packet)
    listener = Listener()
    audio = listener.hear(deliveries)
    assert len(audio) == len(packets) * SLOT_16K
    statistics = listener.receiver.statistics
    assert (statistics.lost, statistics.late, statistics.duplicate) == (1, 1, 0)


def test_another_sender_is_followed_and_costs_no_audio() -> None:
    first = packets_of(speech(), ssrc=1)
    second = packets_of(speech(), ssrc=2, sequence_number=60_000, timestamp=99)
    listener = Listener()
    after_s = START_S + len(first) * SLOT_S
    audio = listener.hear(on_time(first) + on_time(second, after_s))
    np.testing.assert_array_equal(audio, np.concatenate([decoded(first), decoded(second)]))
    assert listener.receiver.statistics.resets == 1


def test_a_stray_packet_of_another_sender_changes_nothing() -> None:
    packets = packets_of(speech())
    deliveries = on_time(packets)
    strays = [
        (START_S + 0.5, replace(packets[3], ssrc=99)),
        (START_S + 0.8, replace(packets[3], sequence_number=40_000)),
        (START_S + 1.2, replace(packets[3], ssrc=98)),
    ]
    listener = Listener()
    np.testing.assert_array_equal(listener.hear(deliveries + strays), decoded(packets))
    assert listener.receiver.statistics.resets == 0


def test_a_second_sender_beside_the_first_is_not_heard() -> None:
    packets = packets_of(speech(), ssrc=1)
    beside = packets_of(speech()[::-1], ssrc=2, sequence_number=9)
    listener = Listener()
    audio = listener.hear(on_time(packets) + on_time(beside, START_S + 0.010)[:-3])
    np.testing.assert_array_equal(audio, decoded(packets))
    assert listener.receiver.statistics.resets == 0


def test_what_waits_when_another_sender_comes_is_heard_first() -> None:
    first, second = packets_of(speech()[: 960 * 40], ssrc=1), packets_of(speech(), ssrc=2)
    deliveries = on_time(first)
    del deliveries[-2]
    # All within the wait for the missing one.
    after_s = deliveries[-1][0] + 0.001
    listener = Listener()
    audio = listener.hear([*deliveries, (after_s, second[0]), (after_s, second[1])])
    assert len(audio) == (len(first) + 2) * SLOT_16K
    statistics = listener.receiver.statistics
    assert (statistics.lost, statistics.recovered, statistics.resets) == (1, 1, 1)


def test_far_off_numbers_start_anew_without_a_hole() -> None:
    first = packets_of(speech())
    second = packets_of(speech(), sequence_number=30_000, timestamp=5000 + len(speech()))
    listener = Listener()
    audio = listener.hear(on_time(first) + on_time(second, START_S + len(first) * SLOT_S))
    assert len(audio) == (len(first) + len(second)) * SLOT_16K
    assert listener.receiver.statistics.resets == 1


@pytest.mark.parametrize("jump", [1 << 31, 48_000 * 60, -48_000, -960 * 3])
def test_a_timestamp_that_jumps_is_no_silence(jump: int) -> None:
    packets = packets_of(np.concatenate([speech(), speech()]))
    half = len(packets) // 2
    moved = [replace(packet, timestamp=(packet.timestamp + jump) % (1 << 32)) for packet in packets[half:]]
    deliveries = [
        (arrival_s, packet)
        for (arrival_s, _), packet in zip(on_time(packets), packets[:half] + moved, strict=True)
    ]
    listener = Listener()
    np.testing.assert_array_equal(listener.hear(deliveries), decoded(packets))
    assert listener.receiver.statistics.resets == 1


@pytest.mark.parametrize("timestamps_go_on", [True, False])
def test_a_microphone_that_was_off_for_a_minute_is_a_minute_of_silence(timestamps_go_on: bool) -> None:
    first = packets_of(speech())
    second = packets_of(
        speech(),
        sequence_number=1000 + len(first),
        timestamp=5000 + len(speech()) + (48_000 * 60 if timestamps_go_on else 0),
    )
    listener = Listener()
    again_s = START_S + len(first) * SLOT_S + 60
    audio = listener.hear(on_time(first) + on_time(second, again_s))
    # The decoder has not been told that a minute has passed: the same speech, all but for a few bits.
    assert similarity(audio[-len(speech()) // 3 :], decoded(second)) > 0.99
    assert len(audio) / 16_000 == pytest.approx(60 + 2 * len(speech()) / 48_000, abs=0.061)
    # Speech after it is whole, however the timestamps went on.
    assert listener.receiver.statistics.resets == 0
    before = len(listener.chunks)
    listener.poll_until(listener.now_s + 0.15)
    assert len(listener.chunks) == before


def test_a_machine_that_slept_gives_two_seconds_of_silence_at_most() -> None:
    receiver = RtpReceiver(OpusDecoder(), JitterSettings())
    for arrival_s, packet in on_time(packets_of(speech())):
        receiver.receive(packet, arrival_s)
    chunks = receiver.poll(START_S + 3600)
    assert 1.9 <= sum(chunk.duration_s for chunk in chunks) <= 2.1
    assert receiver.statistics.skipped_ms == pytest.approx(3_600_000 - 2000 - len(speech()) / 48, abs=100)
    due_s = receiver.next_poll_s()
    assert due_s is not None
    assert START_S + 3600 < due_s <= START_S + 3600.021


@pytest.mark.parametrize("ptime_ms", [10, 40, 60])
def test_packets_of_other_lengths(ptime_ms: int) -> None:
    encoder = load_opus().Encoder(48_000, 1, "voip")
    # Up to here packets are of one codec frame however long they are.
    encoder.inband_fec, encoder.packet_loss_perc, encoder.bitrate = 1, 20, 20_000
    ticks = ptime_ms * 48
    template = packets_of(speech())[0]
    packets = [
        replace(
            template,
            sequence_number=index,
            timestamp=index * ticks,
            payload=encoder.encode(speech()[index * ticks : (index + 1) * ticks].tobytes(), ticks),
        )
        for index in range(len(speech()) // ticks)
    ]
    listener = Listener()
    np.testing.assert_array_equal(listener.hear(on_time(packets)), decoded(packets))
    kept = [delivery for index, delivery in enumerate(on_time(packets)) if index % 6 != 4]
    losing = Listener()
    audio = losing.hear(kept, until_s=START_S + len(packets) * ticks / 48_000 + 0.05)
    assert len(audio) == len(packets) * ticks // 3
    assert losing.receiver.statistics.recovered > 0


def test_payloads_that_are_no_opus_are_counted_and_guessed() -> None:
    packets = packets_of(speech())
    packets[20] = replace(packets[20], payload=b"\x03\xff\xff")
    listener = Listener()
    assert len(listener.hear(on_time(packets))) == len(packets) * SLOT_16K
    assert listener.receiver.statistics.invalid == 1


def test_packets_without_audio_are_taken_off_the_sequence() -> None:
    """Padding probes, and telephone events on their own payload type."""
    packets = packets_of(speech())
    event = replace(packets[0], payload_type=126, payload=b"\x01\x0a\x00\xa0")
    probe = replace(packets[0], payload=b"")
    mixed = [*packets[:30], event, event, probe, *packets[30:]]
    numbered = [replace(packet, sequence_number=index) for index, packet in enumerate(mixed)]
    times = {packet.timestamp: at for at, packet in on_time(packets)}
    deliveries = [
        (
            START_S + 0.5901
            if packet.timestamp == packets[0].timestamp and index
            else times[packet.timestamp],
            packet,
        )
        for index, packet in enumerate(numbered)
    ]
    listener = Listener(payload_type=111)
    np.testing.assert_array_equal(listener.hear(deliveries), decoded(packets))
    assert listener.receiver.statistics.lost == 0


def test_stereo_is_mixed_down() -> None:
    encoder = load_opus().Encoder(48_000, 2, "audio")
    template = packets_of(speech())[0]
    both = np.repeat(speech(), 2)
    packets = [
        replace(
            template,
            sequence_number=index,
            timestamp=index * 960,
            payload=encoder.encode(both[index * 1920 : (index + 1) * 1920].tobytes(), 960),
        )
        for index in range(len(speech()) // 960)
    ]
    assert packets[50].payload[0] & 4
    listener = Listener()
    audio = listener.hear(on_time(packets))
    assert len(audio) == len(packets) * SLOT_16K
    assert np.abs(audio.astype(int)).max() > 1000
