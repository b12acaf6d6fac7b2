"""The voices of the fake OpenTTS: some of each system's own, with their rates, and which eSpeak voice stands in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

__all__ = ["VOICES", "FakeVoice", "resolve"]


@dataclass(frozen=True, slots=True)
class FakeVoice:
    system: str
    id: str
    title: str
    gender: str
    locale: str
    sample_rate: int
    espeak: str
    """Whose voice it really is."""
    pitch: int = 50
    speakers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.system}:{self.id}"

    @property
    def language(self) -> str:
        return self.locale.partition("-")[0]

    @property
    def takes_settings(self) -> bool:
        """Noise, length and vocoder; the other systems are not told of them."""
        return self.system in ("larynx", "glow-speak")

    def entry(self) -> dict[str, Any]:
        """As `/api/voices` shows it."""
        return {
            "gender": self.gender,
            "id": self.id,
            "language": self.language,
            "locale": self.locale,
            "multispeaker": bool(self.speakers),
            "name": self.title,
            "speakers": {name: number for number, name in enumerate(self.speakers)} or None,
            "tag": None,
            "tts_name": self.system,
        }


VOICES = (
    FakeVoice("espeak", "de", "German", "M", "de", 22_050, "de"),
    FakeVoice("espeak", "en-gb", "English_(Great_Britain)", "M", "en-gb", 22_050, "en-gb"),
    FakeVoice("espeak", "en-us", "English_(America)", "M", "en-us", 22_050, "en-us"),
    FakeVoice("espeak", "fr-fr", "French_(France)", "M", "fr-fr", 22_050, "fr-fr"),
    FakeVoice("flite", "cmu_us_slt", "cmu_us_slt", "F", "en-us", 16_000, "en-us+f1"),
    FakeVoice("festival", "kal_diphone", "kal_diphone", "M", "en-us", 16_000, "en-us+m3"),
    FakeVoice("nanotts", "en-GB", "en-GB", "F", "en-gb", 16_000, "en-gb+f2"),
    FakeVoice("marytts", "cmu-slt-hsmm", "cmu-slt-hsmm", "female", "en_us", 16_000, "en-us+f3"),
    FakeVoice("larynx", "harvard-glow_tts", "harvard-glow_tts", "F", "en-us", 22_050, "en-us+f3", 55),
    FakeVoice("larynx", "thorsten-glow_tts", "thorsten-glow_tts", "M", "de-de", 22_050, "de+m2", 45),
    FakeVoice("glow-speak", "en-us_mary_ann", "mary_ann", "F", "en-us", 22_050, "en-us+f4", 55),
    FakeVoice("coqui-tts", "en_ljspeech", "ljspeech", "F", "en-us", 22_050, "en-us+f2", 60),
    FakeVoice(
        "coqui-tts",
        "en_vctk",
        "vctk",
        "MF",
        "en-us",
        22_050,
        "en-us+m1",
        30,
        ("p225", "p226", "p227", "p228"),
    ),
)

_ALIASES = {"en": "glow-speak:en-us_mary_ann", "en-gb": "nanotts:en-GB", "de": "larynx:thorsten-glow_tts"}
_UNKNOWN = {
    "coqui-tts": "No Coqui-TTS voice {}",
    "glow-speak": "No Glow-Speak voice {}",
    "marytts": "No voice for id {}",
}
_BY_NAME = {voice.name: voice for voice in VOICES}


def resolve(name: str) -> tuple[FakeVoice, int]:
    """The voice of `SYSTEM:VOICE#SPEAKER` and the speaker's number.

    Raises:
        ValueError, AssertionError: there is none, in OpenTTS's words.
    """
    voice, _, speaker = name.partition("#")
    if ":" not in voice:
        voice = _ALIASES.get(voice.lower()) or f"espeak:{voice}"
    system, _, own = voice.partition(":")
    if system not in {known.system for known in VOICES}:
        raise ValueError(f"Cannot resolve voice: {voice}")
    found = _BY_NAME.get(voice)
    if found is None and system == "espeak":
        # It takes variants, and languages that it does not list.
        base = own.partition("+")[0]
        like = next(
            (known for known in VOICES if known.system == system and base in (known.id, known.language)), None
        )
        found = replace(like, id=own, espeak=own) if like else None
    if found is None:
        # The others are programs that end without a sound.
        raise AssertionError(_UNKNOWN.get(system, "No WAV audio from voice {}").format(own))
    if not speaker or not found.speakers:
        return found, 0
    if speaker in found.speakers:
        return found, found.speakers.index(speaker)
    number = int(speaker) if speaker.isdecimal() else len(found.speakers)
    if number >= len(found.speakers):
        raise KeyError(speaker)
    return found, number
