"""Speech as packets, a network that harms them, and a receiver run through it on a clock of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib.resources import files

import numpy as np

from voicebot.audio import AudioChunk, Samples, resample
from voicebot.rtp.opus import PACKET_SAMPLES, OpusDecoder, OpusEncoder
from voicebot.rtp.packet import RtpPacket
from voicebot.rtp.receiving import RtpReceiver
from voicebot.rtp.settings import JitterSettings, OpusSettings
from voicebot.wav import read_wav

SLOT_S = 0.020
SLOT_16K = 320
Delivery = tuple[float, RtpPacket]


@cache
def speech() -> Samples:
    """A question of 1.9 s, 48 kHz, cut to whole packets."""
    recording = read_wav(str(files("voicebot") / "samples" / "question.wav"))
    samples = resample(recording.samples, recording.sample_rate, 48_000)
    return samples[: len(samples) // PACKET_SAMPLES * PACKET_SAMPLES]


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * 50) * PACKET_SAMPLES, np.int16)


def packets_of(
    samples: Samples,
    *,
    sequence_number: int = 1000,
    timestamp: int = 5000,
    ssrc: int = 7,
    settings: OpusSettings | None = None,
    skip_dtx: bool = False,
) -> list[RtpPacket]:
    """20 ms packets; with `skip_dtx`, of each run of DTX packets only the first, as browsers send them."""
    encoder = OpusEncoder(settings or OpusSettings(dtx=skip_dtx))
    packets: list[RtpPacket] = []
    in_dtx = False
    for index, start in enumerate(range(0, len(samples), PACKET_SAMPLES)):
        payload = encoder.encode(samples[start : start + PACKET_SAMPLES])
        was_in_dtx, in_dtx = in_dtx, len(payload) <= 2
        if skip_dtx and in_dtx and was_in_dtx:
            continue
        packets.append(
            RtpPacket(
                payload_type=111,
                sequence_number=(sequence_number + len(packets)) % (1 << 16),
                timestamp=(timestamp + index * PACKET_SAMPLES) % (1 << 32),
                ssrc=ssrc,
                payload=payload,
            )
        )
    return packets


def on_time(packets: Iterable[RtpPacket], start_s: float = 10.0) -> list[Delivery]:
    """When each would arrive on a network without delay: its timestamp says so."""
    packets = list(packets)
    first = packets[0].timestamp
    return [(start_s + (packet.timestamp - first) % (1 << 32) / 48_000, packet) for packet in packets]


def renumbered(packet: RtpPacket, by: int) -> RtpPacket:
    return replace(packet, sequence_number=(packet.sequence_number + by) % (1 << 16))


class Listener:
    """Hands packets to a receiver in the order of their arrival, and polls it exactly when it asks for that."""

    def __init__(self, settings: JitterSettings | None = None, payload_type: int | None = None) -> None:
        self.receiver = RtpReceiver(OpusDecoder(), settings or JitterSettings(), payload_type=payload_type)
        self.chunks: list[AudioChunk] = []
        self.times_s: list[float] = []
        """When each chunk came out."""
        self.now_s = 0.0

    def hear(self, deliveries: Iterable[Delivery], until_s: float | None = None) -> Samples:
        for arrival_s, packet in sorted(deliveries, key=lambda delivery: delivery[0]):
            self.poll_until(arrival_s)
            self._take(self.receiver.receive(packet, arrival_s), arrival_s)
        if until_s is not None:
            self.poll_until(until_s)
        return self.audio

    def poll_until(self, end_s: float) -> None:
        while (due_s := self.receiver.next_poll_s()) is not None and due_s < end_s:
            at_s = max(due_s, self.now_s)
            self._take(self.receiver.poll(at_s), at_s)
            after_s = self.receiver.next_poll_s()
            assert after_s is None or after_s > at_s, "it asks to be polled again and again"
        self.now_s = end_s

    def _take(self, chunks: list[AudioChunk], now_s: float) -> None:
        self.now_s = now_s
        self.chunks += chunks
        self.times_s += [now_s] * len(chunks)

    @property
    def audio(self) -> Samples:
        return np.concatenate([chunk.samples for chunk in self.chunks] or [np.zeros(0, np.int16)])


def decoded(packets: Iterable[RtpPacket]) -> Samples:
    """What a listener without a network hears."""
    decoder = OpusDecoder()
    return np.concatenate([decoder.decode(packet.payload) for packet in packets])


def similarity(a: Samples, b: Samples) -> float:
    """Correlation coefficient, -1 to 1."""
    return float(np.corrcoef(a.astype(float), b.astype(float))[0, 1])
