from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from voicebot_llm_openai import OpenAIConfig

__all__ = ["OpenAISTTConfig"]

_OURS = frozenset({"file", "model", "language", "prompt", "temperature", "response_format", "stream"})


class OpenAISTTConfig(BaseModel):
    """Settings of speech recognition on an OpenAI-compatible server."""

    model_config = ConfigDict(extra="forbid")

    base_url: str = Field(
        default="https://api.openai.com/v1",
        description="Where the server's API begins, as in https://api.groq.com/openai/v1.",
    )
    path: str = Field(
        default="/audio/transcriptions",
        pattern=r"^/[^\s?#]*$",
        description="Where it transcribes, after base_url; /inference for whisper.cpp's server.",
    )
    api_key: SecretStr | None = Field(
        default=None, description="The server's key, as ${GROQ_API_KEY}; none for a server that wants none."
    )
    model: str = Field(min_length=1, description="The model's id, as the server's list of models has it.")
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
    connect_timeout_s: float = Field(
        default=5.0, gt=0, le=60, description="How long connecting may take, TLS included."
    )
    read_timeout_s: float = Field(
        default=15.0, gt=0, le=600, description="The longest silence of the server inside a request."
    )
    keep_alive_s: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        description="An idle connection is used this often (GET /models/<model>), so that it stays open; 0: never.",
    )
    check_model: bool = Field(
        default=True, description="At start, look for the model in the server's list, where it has one."
    )
    warmup_request: bool = Field(
        default=False,
        description="At start, transcribe a recording: for a server that loads the model at the first request. "
        "A cloud bills it.",
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Further headers of each request."
    )
    extra_fields: dict[str, str] = Field(
        default_factory=dict, description="Further fields of each upload, for what only this server knows."
    )

    @field_validator("base_url")
    @classmethod
    def _http(cls, url: str) -> str:
        return OpenAIConfig._http(url)

    @field_validator("extra_fields")
    @classmethod
    def _not_ours(cls, fields: dict[str, str]) -> dict[str, str]:
        if taken := sorted(_OURS & fields.keys()):
            raise ValueError(f"must not hold {', '.join(taken)}")
        return fields

    def server(self) -> OpenAIConfig:
        """What `voicebot_llm_openai.line` needs to know of the server."""
        return OpenAIConfig(
            base_url=self.base_url,
            api_key=self.api_key,
            model=self.model,
            connect_timeout_s=self.connect_timeout_s,
            read_timeout_s=self.read_timeout_s,
            keep_alive_s=self.keep_alive_s,
            headers=self.headers,
        )
