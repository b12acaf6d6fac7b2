from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from voicebot.servers import ModelServerConfig

__all__ = ["OpenAISTTConfig"]

_OURS = frozenset({"file", "model", "language", "prompt", "temperature", "response_format", "stream"})


class OpenAISTTConfig(ModelServerConfig):
    """Settings of speech recognition on an OpenAI-compatible server."""

    path: str = Field(
        default="/audio/transcriptions",
        pattern=r"^/[^\s?#]*$",
        description="Where it transcribes, after base_url; /inference for whisper.cpp's server.",
    )
    language: str | None = Field(
        default=None,
        max_length=8,
        description="The language spoken, as en; null takes the call's, and an empty one lets the server find out.",
    )
    prompt: str = Field(
        default="",
        max_length=800,
        description="Names and words to expect, as if they had been said just before.",
    )
    temperature: float | None = Field(
        default=0.0, ge=0.0, le=1.0, description="0 takes the likeliest words; null leaves it to the server."
    )
    response_format: Literal["verbose_json", "json"] = Field(
        default="verbose_json",
        description="verbose_json tells how sure the model is, which keeps out what Whisper makes up; where the server "
        "refuses it, json is used.",
    )
    upload: Literal["wav", "flac"] = Field(
        default="wav", description="How audio is sent; flac is about 60 % as large, and not known everywhere."
    )
    interim_interval_ms: int = Field(
        default=0,
        ge=0,
        le=5000,
        description="Time between interim transcripts, in ms; 0 for none. Each is a request, which a cloud bills.",
    )
    read_timeout_s: float = Field(
        default=15.0, gt=0, le=600, description="The longest silence of the server inside a request."
    )
    warmup_request: bool = Field(
        default=False,
        description="At start, transcribe a recording: for a server that loads the model at the first request. "
        "A cloud bills it.",
    )
    extra_fields: dict[str, str] = Field(
        default_factory=dict, description="Further fields of each upload, for what only this server knows."
    )

    @field_validator("extra_fields")
    @classmethod
    def _not_ours(cls, fields: dict[str, str]) -> dict[str, str]:
        if taken := sorted(_OURS & fields.keys()):
            raise ValueError(f"must not hold {', '.join(taken)}")
        return fields
