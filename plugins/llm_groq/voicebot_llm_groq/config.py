from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from voicebot.servers import ServerAddress
from voicebot_llm_openai import OpenAIConfig

__all__ = ["API_PATH", "GroqConfig"]

API_PATH = "/openai/v1"
"""What Groq's SDK puts between the host and each address."""


class GroqConfig(OpenAIConfig):
    """Settings of a language model on GroqCloud."""

    base_url: ServerAddress = Field(
        default=f"https://api.groq.com{API_PATH}",
        description="Where the API begins; for a proxy of yours, or a fake, its address with /openai/v1 at its end.",
    )
    api_key: SecretStr = Field(
        min_length=1,
        description="Groq's key, as ${GROQ_API_KEY}; they come from https://console.groq.com/keys.",
    )
    model: str = Field(
        default="openai/gpt-oss-120b",
        min_length=1,
        description="The model's id, as in https://console.groq.com/docs/models.",
    )
    max_tokens: int | None = Field(
        default=600,
        ge=1,
        description="The longest answer in tokens, what the model reasons included; null leaves it to Groq.",
    )
    reasoning_effort: Literal["least", "none", "default", "low", "medium", "high"] | None = Field(
        default="least",
        description="How long the model thinks before it speaks; least is the least that it can, as far as is known of "
        "it, and null leaves it to Groq.",
    )
    service_tier: Literal["on_demand", "auto", "flex", "performance"] | None = Field(
        default=None, description="Groq's service tier; null leaves it to your account."
    )

    @field_validator("base_url", mode="after")
    @classmethod
    def _with_path(cls, url: str) -> str:
        return url if url.endswith(API_PATH) else f"{url}{API_PATH}"
