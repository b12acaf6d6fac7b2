from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, field_validator

__all__ = ["OpenAIConfig"]

_OURS = frozenset({"messages", "model", "stream"})


class OpenAIConfig(BaseModel):
    """Settings of a language model on an OpenAI-compatible server."""

    model_config = ConfigDict(extra="forbid")

    base_url: str = Field(
        default="https://api.openai.com/v1",
        description="Where the server's API begins, as in http://127.0.0.1:8000/v1.",
    )
    api_key: SecretStr | None = Field(
        default=None, description="The server's key, as ${OPENAI_API_KEY}; none for a server that wants none."
    )
    model: str = Field(min_length=1, description="The model's id, as the server's list of models has it.")
    temperature: float | None = Field(
        default=None, ge=0.0, le=2.0, description="0 takes the likeliest token; null leaves it to the server."
    )
    max_tokens: int | None = Field(
        default=300, ge=1, description="The longest answer, in tokens; null leaves it to the server."
    )
    connect_timeout_s: float = Field(
        default=5.0, gt=0, le=60, description="How long connecting may take, TLS included."
    )
    read_timeout_s: float = Field(
        default=30.0, gt=0, le=600, description="The longest silence of the server inside a request."
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
        description="At start, ask for an answer and stop it at its first token: for a server that loads the model, or "
        "caches the system prompt, at the first request. A cloud bills it.",
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Further headers of each request."
    )
    extra_body: dict[str, JsonValue] = Field(
        default_factory=dict, description="Further fields of each request, for what only this server knows."
    )

    @field_validator("base_url")
    @classmethod
    def _http(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise ValueError("must be an address as http://127.0.0.1:8000/v1")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("must have no user, query or fragment: use `api_key` or `headers`")
        return url.rstrip("/")

    @field_validator("extra_body")
    @classmethod
    def _not_ours(cls, body: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if taken := sorted(_OURS & body.keys()):
            raise ValueError(f"must not hold {', '.join(taken)}")
        return body
