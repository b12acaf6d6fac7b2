"""What is changed in the two session descriptions of a call, as text (RFC 8866, RFC 8829)."""

from __future__ import annotations

import re

from voicebot.rtp.settings import OpusSettings

__all__ = ["BadOffer", "checked_offer", "finished_answer"]

MAX_CANDIDATES = 32
_OPUS = re.compile(r"a=rtpmap:(\d{1,3}) opus/48000/2", re.IGNORECASE)
_NEEDED = {
    "an ICE user fragment": re.compile(r"a=ice-ufrag:[A-Za-z0-9+/_-]{4,256}"),
    "an ICE password": re.compile(r"a=ice-pwd:[A-Za-z0-9+/_-]{22,256}"),
    "a SHA fingerprint": re.compile(r"a=fingerprint:sha-(256|384|512) [0-9A-Fa-f:]+", re.IGNORECASE),
    "a DTLS role": re.compile(r"a=setup:(actpass|active|passive)"),
    "multiplexed RTCP": re.compile(r"a=rtcp-mux"),
    "Opus": _OPUS,
    "audio both ways": re.compile(r"a=sendrecv"),
}


class BadOffer(ValueError):
    """An offer that cannot be answered; the text says why."""


def checked_offer(sdp: str) -> str:
    """An offer of one audio section with all that aiortc takes for granted, less the candidates that it cannot use.

    Host names that only multicast DNS resolves are left out: a page that sees the microphone gives addresses, and any
    other is found when its checks arrive. So is the mark that no more candidates come: it would end the search early.

    Raises:
        BadOffer: it is something else.
    """
    lines = [line for line in re.split(r"\r?\n", sdp) if line]
    media = [line for line in lines if line.startswith("m=")]
    if len(media) != 1 or not media[0].startswith("m=audio "):
        raise BadOffer("an offer has one audio section and no other")
    for what, pattern in _NEEDED.items():
        if not any(pattern.fullmatch(line) for line in lines):
            raise BadOffer(f"the offer has no {what}")
    kept = []
    candidates = 0
    for line in lines:
        if line.startswith("a=candidate:"):
            candidates += _is_usable(line)
            if not _is_usable(line) or candidates > MAX_CANDIDATES:
                continue
        elif line == "a=end-of-candidates":
            continue
        kept.append(line)
    return "\r\n".join(kept) + "\r\n"


def _is_usable(candidate: str) -> bool:
    fields = candidate.split()
    return len(fields) < 5 or (fields[2].lower() == "udp" and not fields[4].lower().endswith(".local"))


def finished_answer(sdp: str, opus: OpusSettings) -> tuple[str, int]:
    """aiortc's answer with what the page's encoder is to do: packets of 20 ms, FEC and DTX by the profile (RFC 7587).

    Returns:
        The answer, and the payload type of Opus in it.
    """
    match = re.search(rf"^{_OPUS.pattern}\r?$", sdp, re.IGNORECASE | re.MULTILINE)
    if match is None:
        raise BadOffer("Opus was not agreed on")
    number = int(match[1])
    wishes = ["minptime=10"]
    wishes += ["useinbandfec=1"] * opus.fec + ["usedtx=1"] * opus.dtx
    line = match[0].rstrip("\r")
    added = f"{line}\r\na=fmtp:{number} {';'.join(wishes)}\r\na=ptime:20"
    return sdp.replace(line, added, 1), number
