from __future__ import annotations

from pydantic import Field, JsonValue, field_validator

from voicebot.servers import ModelServerConfig

__all__ = ["OpenAIConfig"]

_OURS = frozenset({"messages", "model", "stream"})


class OpenAIConfig(ModelServerConfig):
    """Settings of a language model on an OpenAI-compatible server."""

    temperature: float | None = Field(
        default=None, ge=0.0, le=2.0, description="0 takes the likeliest token; null leaves it to the server."
    )
    max_tokens: int | None = Field(
        default=300, ge=1, description="The longest answer, in tokens; null leaves it to the server."
    )
    warmup_request: bool = Field(
        default=False,
        description="At start, ask for an answer and stop it at its first token: for a server that loads the model, or "
        "caches the system prompt, at the first request. A cloud bills it.",
    )
    extra_body: dict[str, JsonValue] = Field(
        default_factory=dict, description="Further fields of each request, for what only this server knows."
    )

    @field_validator("extra_body")
    @classmethod
    def _not_ours(cls, body: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if taken := sorted(_OURS & body.keys()):
            raise ValueError(f"must not hold {', '.join(taken)}")
        return body
