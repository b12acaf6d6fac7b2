from __future__ import annotations

import contextlib
import ctypes
import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.rtp.streams import decoded, packets_of, quiet, similarity, speech

from voicebot.audio import resample
from voicebot.errors import EngineError
from voicebot.rtp import opus
from voicebot.rtp.opus import (
    DECODED_RATE,
    DTX_BYTES,
    OpusDecoder,
    OpusEncoder,
    has_fec,
    load_opus,
    packet_ticks,
)
from voicebot.rtp.packet import RtpError
from voicebot.rtp.settings import OpusSettings


def raw_encoder(channels: int = 1) -> object:
    """libopus's own encoder with FEC, for what ours does not send: other lengths, stereo."""
    library = load_opus()
    encoder = library.Encoder(48_000, channels, "voip")
    encoder.inband_fec, encoder.packet_loss_perc, encoder.bitrate = 1, 20, 24_000
    return encoder


def raw_packets(ticks: int, channels: int) -> list[bytes]:
    encoder = raw_encoder(channels)
    return [
        encoder.encode(np.repeat(speech()[at : at + ticks], channels).tobytes(), ticks)  # type: ignore[attr-defined]
        for at in range(0, len(speech()) - ticks, ticks)
    ]


def test_speech_comes_back_as_speech_at_16_khz() -> None:
    heard = decoded(packets_of(speech()))
    assert len(heard) == len(speech()) // 3
    original = resample(speech(), 48_000, DECODED_RATE)
    # The codec looks ahead 6.5 ms.
    delayed = max(similarity(heard[lag:], original[: len(original) - lag]) for lag in range(90, 120))
    assert delayed > 0.9


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("duration_ms", [2.5, 5, 10, 20, 40, 60])
def test_a_packets_length_is_what_the_decoder_gives(duration_ms: float, channels: int) -> None:
    decoder = OpusDecoder()
    ticks = round(duration_ms * 48)
    for payload in raw_packets(ticks, channels):
        assert packet_ticks(payload) == ticks
        assert len(decoder.decode(payload)) == ticks // 3


@given(st.binary(max_size=64))
def test_any_payload_is_sound_or_an_error(payload: bytes) -> None:
    decoder = OpusDecoder()
    ticks = packet_ticks(payload)
    assert 0 <= ticks <= 5760
    has_fec(payload)
    try:
        samples = decoder.decode(payload)
    except RtpError:
        return
    assert len(samples) * 3 == ticks
    assert samples.dtype == np.int16


@given(st.binary(min_size=1, max_size=64), st.integers(1, 48))
def test_any_payload_can_be_asked_for_the_one_before(payload: bytes, steps: int) -> None:
    decoder = OpusDecoder()
    with contextlib.suppress(RtpError):
        assert len(decoder.recover(payload, steps * 40)) == steps * 40
    assert len(decoder.conceal(steps * 40)) == steps * 40


@pytest.mark.parametrize("duration_ms", [20, 60])
@pytest.mark.parametrize("channels", [1, 2])
def test_fec_is_seen_where_libopus_uses_it(duration_ms: int, channels: int) -> None:
    packets = raw_packets(duration_ms * 48, channels)
    with_fec = agree = 0
    for index in range(2, len(packets)):
        guessing, mending = OpusDecoder(), OpusDecoder()
        for payload in packets[: index - 1]:
            guessing.decode(payload)
            mending.decode(payload)
        samples = duration_ms * 16
        helped = not np.array_equal(guessing.conceal(samples), mending.recover(packets[index], samples))
        with_fec += has_fec(packets[index])
        agree += has_fec(packets[index]) == helped
    assert with_fec > len(packets) / 3
    # A change of bandwidth between the two changes the guess as well.
    assert agree >= 0.97 * (len(packets) - 2)


def test_fec_is_seen_where_a_newer_libopus_says_so() -> None:
    av = pytest.importorskip("av")
    library = next((Path(av.__file__).parent.parent / "av.libs").glob("libopus*"), None)
    asked = getattr(ctypes.CDLL(str(library)), "opus_packet_has_lbrr", None) if library else None
    if asked is None:
        pytest.skip("this av brings no libopus that can be asked")
    seen = set()
    for ticks in (120, 480, 960, 1920, 2880):
        for channels in (1, 2):
            for payload in raw_packets(ticks, channels):
                if len(payload) > DTX_BYTES:
                    assert has_fec(payload) == (asked(payload, len(payload)) == 1)
                    seen.add((ticks, channels, has_fec(payload)))
    assert len(seen) == 2 + 2 * 2 * 4


def test_no_fec_is_seen_where_none_is_sent() -> None:
    assert not any(
        has_fec(packet.payload) for packet in packets_of(speech(), settings=OpusSettings(fec=False))
    )


def test_silence_costs_next_to_nothing_with_dtx_and_something_without() -> None:
    sizes = {
        dtx: [len(packet.payload) for packet in packets_of(quiet(4), settings=OpusSettings(dtx=dtx))]
        for dtx in (True, False)
    }
    settled = sizes[True][50:]
    assert sum(size > 2 for size in settled) in range(6, 9)  # one in 400 ms
    assert all(size > 2 for size in sizes[False])


def test_the_bitrate_is_what_was_asked_for() -> None:
    for bitrate in (12_000, 32_000, 64_000):
        packets = packets_of(speech(), settings=OpusSettings(bitrate=bitrate))
        bits = sum(len(packet.payload) for packet in packets) * 8
        assert bits / (len(speech()) / 48_000) == pytest.approx(bitrate, rel=0.15)


def test_only_whole_packets_are_encoded() -> None:
    encoder = OpusEncoder(OpusSettings())
    for shape in ((959,), (1920,), (960, 1)):
        with pytest.raises(ValueError, match="960"):
            encoder.encode(np.zeros(shape, np.int16))


def test_states_are_freed_with_their_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    freed = []
    library = load_opus()
    for api in (library.api.decoder, library.api.encoder):
        destroy = api.destroy
        monkeypatch.setattr(api, "destroy", lambda state, destroy=destroy: freed.append(destroy(state)))
    decoder, encoder = OpusDecoder(), OpusEncoder(OpusSettings())
    del decoder, encoder
    gc.collect()
    assert len(freed) == 2


def test_without_any_libopus_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opus, "_library", None)
    monkeypatch.setattr(opus, "find_opus", lambda: None)
    with pytest.raises(EngineError, match="no libopus") as caught:
        load_opus()
    assert "libopus0" in caught.value.hint


def test_without_the_binding_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opus, "_library", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EngineError, match="opuslib-next"):
        load_opus()


IN_A_NEW_PROCESS = """
import ctypes.util, pathlib, sys
ctypes.util.find_library = lambda _: None
exists = pathlib.Path.exists
pathlib.Path.exists = lambda path, **more: "libopus" not in path.name and exists(path, **more)
from voicebot.rtp.opus import OpusDecoder, OpusEncoder, find_opus
from voicebot.rtp.settings import OpusSettings
import numpy as np
place = {place}
if place is not None:
    from voicebot.rtp import opus
    opus.find_opus = lambda: place
elif find_opus() is None:
    sys.exit("skip")
assert "opuslib_next" not in sys.modules
try:
    payload = OpusEncoder(OpusSettings()).encode(np.zeros(960, np.int16))
except Exception as error:
    sys.exit(f"{{type(error).__name__}} {{error}}")
assert len(OpusDecoder().decode(payload)) == 320
assert "av" not in sys.modules
print(find_opus())
"""


def run(place: str | None) -> subprocess.CompletedProcess[str]:
    code = IN_A_NEW_PROCESS.format(place=repr(place))
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_libopus_inside_av_serves_where_the_system_has_none() -> None:
    pytest.importorskip("av")
    result = run(None)
    if result.stderr.strip() == "skip":
        pytest.skip("this av brings no libopus")
    assert result.returncode == 0, result.stderr
    assert "opus" in Path(result.stdout.strip()).name
    assert result.stderr == ""


def test_a_library_that_is_no_libopus_is_named() -> None:
    result = run("libm.so.6")
    assert result.stderr.startswith("EngineError libopus at libm.so.6 cannot be used")
