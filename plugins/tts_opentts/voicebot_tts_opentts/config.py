from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from voicebot.servers import ConnectTimeout, Headers, ServerAddress

__all__ = ["OpenTTSConfig"]

_GLOW = ("larynx", "glow-speak")
"""The systems that take OpenTTS's settings of a synthesis; it drops them for the others without a word."""


class OpenTTSConfig(BaseModel):
    """Settings of `tts: {use: opentts}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: ServerAddress = Field(
        default="http://127.0.0.1:5500", description="Where the server is, as in http://127.0.0.1:5500."
    )
    voice: str = Field(
        default="espeak:en",
        pattern=r"^[a-z][a-z0-9-]*:[^\s:#;]+(#[^\s#]+)?$",
        description="SYSTEM:VOICE as the server's /api/voices has it, with #SPEAKER where a voice has several: "
        "coqui-tts:en_ljspeech, coqui-tts:en_vctk#p228, espeak:en, larynx:harvard-glow_tts.",
    )
    speaker: str | None = Field(
        default=None,
        min_length=1,
        pattern=r"^[^\s#]+$",
        description="The speaker of a voice that has several, instead of #SPEAKER in `voice`.",
    )
    vocoder: Literal["high", "medium", "low"] | None = Field(
        default=None,
        description="Vocoder quality, for larynx and glow-speak; null leaves it to the server (high).",
    )
    denoiser: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Denoiser strength, for larynx and glow-speak; 0 turns it off, null leaves it to the server.",
    )
    noise_scale: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="Variation of the sound, for larynx and glow-speak; null leaves it to the server.",
    )
    speed: float | None = Field(
        default=None,
        ge=0.25,
        le=4,
        description="Speaking rate, for larynx and glow-speak: 2 is twice as fast; null leaves it to the server.",
    )
    ssml: Literal["escape", "pass"] = Field(
        default="escape",
        description="What tags in a text are: `escape` takes them for text, `pass` lets the server obey those that it "
        "knows (<break>, <say-as>, <sub>, ...).",
    )
    cache: bool = Field(
        default=False, description="Let the server keep what it synthesised, where it runs with --cache."
    )
    connect_timeout_s: ConnectTimeout = 5.0
    timeout_s: float = Field(
        default=30.0, gt=0, le=600, description="How long a sentence may take, its last byte included."
    )
    check_voice: bool = Field(default=True, description="At start, look for the voice in the server's list.")
    tail_silence_ms: int = Field(default=80, ge=0, le=2000, description="Silence kept after a clause, in ms.")
    headers: Headers = {}

    @property
    def system(self) -> str:
        """Which of OpenTTS's engines speaks: "coqui-tts"."""
        return self.voice.partition(":")[0]

    @property
    def voice_and_speaker(self) -> tuple[str, str]:
        """As in ("coqui-tts:en_vctk", "p228"); the speaker is "" where none is named."""
        voice, _, speaker = self.voice.partition("#")
        return voice, self.speaker or speaker

    @model_validator(mode="after")
    def _fits_the_voice(self) -> Self:
        if self.speaker and "#" in self.voice:
            raise ValueError("names a speaker twice: in `voice` after #, and in `speaker`")
        if self.system not in _GLOW:
            given = [
                name
                for name in ("vocoder", "denoiser", "noise_scale", "speed")
                if getattr(self, name) is not None
            ]
            if given:
                names = ", ".join(f"`{name}`" for name in given)
                raise ValueError(
                    f"{names} work with voices of {' and '.join(_GLOW)} only, not of {self.system}"
                )
        return self
