"""Opus (RFC 6716) by libopus: 20 ms of 48 kHz to a packet, packets straight to 16 kHz.

libopus comes with the system (Debian: `libopus0`) or with PyPI's `av`, whose wheel bundles it; opuslib-next calls it.
"""

from __future__ import annotations

import ctypes.util
import importlib
import importlib.util
import platform
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.audio import PTIME_MS, Samples
from voicebot.errors import EngineError
from voicebot.rtp.packet import CLOCK_RATE, RtpError
from voicebot.rtp.settings import OpusSettings

__all__ = [
    "DECODED_RATE",
    "DTX_BYTES",
    "PACKET_SAMPLES",
    "OpusDecoder",
    "OpusEncoder",
    "find_opus",
    "has_fec",
    "load_opus",
    "packet_ticks",
]

DECODED_RATE = 16_000
"""Hz of what the decoder gives."""
PACKET_SAMPLES = CLOCK_RATE * PTIME_MS // 1000
"""What the encoder takes: 20 ms of 48 kHz."""
DTX_BYTES = 2
"""A payload of this many bytes at most holds no sound: the encoder sees silence (libopus, `opus_encode`)."""

_LONGEST_TICKS = CLOCK_RATE * 120 // 1000
_LARGEST_BYTES = 1275
"""The largest codec frame (RFC 6716 section 3.2.1)."""
_HINT = "apt-get install libopus0, or pip install av"
_loading = threading.Lock()
_library: Any = None


def find_opus() -> str | None:
    """Where libopus is: the system's, else the one in the `av` wheel (not imported for it); None without either."""
    if found := ctypes.util.find_library("opus"):
        return found
    # Found where there is no ldconfig and no compiler to ask: Homebrew, and slim images.
    for place in ("/opt/homebrew/lib/libopus.dylib", "/usr/local/lib/libopus.dylib"):
        if Path(place).exists():
            return place
    for folder in ("/usr/lib", "/usr/local/lib", f"/usr/lib/{platform.machine()}-linux-gnu"):
        if (file := Path(folder, "libopus.so.0")).exists():
            return str(file)
    spec = importlib.util.find_spec("av")
    for package in (spec and spec.submodule_search_locations) or ():
        bundled = [*Path(package).parent.glob("av.libs/*opus*"), *Path(package).glob(".dylibs/libopus*")]
        if bundled:
            return str(bundled[0])
    return None


def load_opus() -> Any:
    """The `opuslib_next` package on a libopus that was found. The first call may take 100 ms; any thread will do.

    Raises:
        EngineError: there is no opuslib-next or no libopus.
    """
    global _library
    with _loading:
        if _library is None:
            _library = _load()
        return _library


def _load() -> Any:
    if importlib.util.find_spec("opuslib_next") is None:
        raise EngineError("opuslib-next is not installed", hint="pip install opuslib-next")
    location = find_opus()
    if location is None:
        raise EngineError("there is no libopus on this machine", hint=_HINT)
    # It asks for libopus while it is imported, and would hear of the system's only.
    system_search = ctypes.util.find_library
    ctypes.util.find_library = lambda name: location if name == "opus" else system_search(name)
    try:
        return importlib.import_module("opuslib_next")
    except (OSError, AttributeError) as error:
        raise EngineError(f"libopus at {location} cannot be used: {error}", hint=_HINT) from error
    finally:
        ctypes.util.find_library = system_search


def packet_ticks(payload: bytes) -> int:
    """How long a packet lasts by its own first bytes, in 1/48000 s (RFC 6716 section 3.1); 0 where it is malformed."""
    if not payload:
        return 0
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:
        ticks = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        ticks = (480, 960)[config & 1]
    else:
        ticks = (120, 240, 480, 960)[config & 3]
    count = (1, 2, 2, payload[1] & 0x3F if len(payload) > 1 else 0)[code]
    return ticks * count if ticks * count <= _LONGEST_TICKS else 0


def has_fec(payload: bytes) -> bool:
    """Whether a packet carries the one before it as well (RFC 6716 section 4.2.3: SILK's LBRR flag).

    Only packets of a single codec frame are looked at, which is all that browsers and this package send.
    libopus does the same in `opus_packet_has_lbrr`, which came after 1.3.
    """
    if len(payload) <= DTX_BYTES or payload[0] & 3 or payload[0] >= 0x80:
        return False
    silk_frames = max(1, packet_ticks(payload) // 960)
    flags = payload[1]
    mid = flags >> (7 - silk_frames) & 1
    side = payload[0] & 4 and flags >> (6 - 2 * silk_frames) & 1
    return bool(mid or side)


class OpusDecoder:
    """Packets of one sender, in order, to 16 kHz mono; stereo is mixed down.

    Raises:
        EngineError: libopus is missing (see `load_opus`).
    """

    def __init__(self) -> None:
        self._opus = load_opus()
        self._api = self._opus.api.decoder
        self._state = self._api.create_state(DECODED_RATE, 1)
        weakref.finalize(self, self._api.destroy, self._state)

    def decode(self, payload: bytes) -> Samples:
        """The packet's sound: as many samples as it says, 120 ms at most.

        Raises:
            RtpError: the payload is no Opus.
        """
        if not payload:
            raise RtpError("an empty Opus payload")
        return self._decode(payload, _LONGEST_TICKS * DECODED_RATE // CLOCK_RATE, fec=False)

    def conceal(self, samples: int) -> Samples:
        """A guess at sound that is missing, fading with its length; `samples` is a multiple of 40 (2.5 ms)."""
        return self._decode(b"", samples, fec=False)

    def recover(self, next_payload: bytes, samples: int) -> Samples:
        """The sound just before `next_payload`, from what that packet repeats of it; then decode the packet itself.

        Guessed like `conceal` where it repeats nothing (see `has_fec`) or less than `samples`, a multiple of 40.

        Raises:
            RtpError: the payload is no Opus.
        """
        return self._decode(next_payload, samples, fec=True)

    def reset(self) -> None:
        """Forget the sender: the next packet is another's."""
        self._api.decoder_ctl(self._state, self._opus.api.ctl.reset_state)

    def _decode(self, payload: bytes, samples: int, *, fec: bool) -> Samples:
        try:
            pcm = self._api.decode(self._state, payload, len(payload), samples, fec, channels=1)
        except self._opus.OpusError as error:
            raise RtpError(f"the payload is no Opus: {error}") from error
        return np.frombuffer(pcm, np.int16).copy()


class OpusEncoder:
    """20 ms of 48 kHz mono at a time to packets.

    Raises:
        EngineError: libopus is missing (see `load_opus`).
    """

    def __init__(self, settings: OpusSettings) -> None:
        opus = load_opus()
        self.dtx = settings.dtx
        """Whether a payload of `DTX_BYTES` at most need not be sent."""
        self._api = opus.api.encoder
        self._state = self._api.create_state(CLOCK_RATE, 1, opus.APPLICATION_VOIP)
        weakref.finalize(self, self._api.destroy, self._state)
        ctl = opus.api.ctl
        for setter, value in (
            (ctl.set_bitrate, settings.bitrate),
            (ctl.set_complexity, settings.complexity),
            (ctl.set_signal, opus.SIGNAL_VOICE),
            (ctl.set_inband_fec, int(settings.fec)),
            (ctl.set_packet_loss_perc, settings.expected_loss_percent),
            (ctl.set_dtx, int(settings.dtx)),
        ):
            self._api.encoder_ctl(self._state, setter, value)

    def encode(self, samples: Samples) -> bytes:
        """One packet of `PACKET_SAMPLES`; with `dtx`, of `DTX_BYTES` at most where nothing need be sent.

        Raises:
            ValueError: another number of samples.
        """
        if samples.shape != (PACKET_SAMPLES,):
            raise ValueError(f"{samples.shape} samples; a packet takes {PACKET_SAMPLES} of mono")
        pcm = samples.astype(np.int16, copy=False).tobytes()
        payload: bytes = self._api.encode(self._state, pcm, PACKET_SAMPLES, _LARGEST_BYTES)
        return payload
