from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

__all__ = ["ConnectTimeout", "Headers", "ModelServerConfig", "ServerAddress"]


def _http(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be an address as http://127.0.0.1:8000")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must have no user, query or fragment: use `headers`")
    return url.rstrip("/")


ServerAddress = Annotated[str, AfterValidator(_http)]
"""As http://127.0.0.1:8000/v1; without the stroke at its end."""


ConnectTimeout = Annotated[
    float, Field(gt=0, le=60, description="How long connecting may take, TLS included.")
]
"""Seconds."""
Headers = Annotated[
    dict[str, SecretStr],
    Field(description="Further headers of each request, as for a proxy before the server."),
]


class ModelServerConfig(BaseModel):
    """Where an OpenAI-compatible server is, and which of its models is meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: ServerAddress = Field(
        default="https://api.openai.com/v1",
        description="Where the server's API begins, as in http://127.0.0.1:8000/v1.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="The server's key, as ${OPENAI_API_KEY} or ${GROQ_API_KEY}; none for a server that wants none.",
    )
    model: str = Field(min_length=1, description="The model's id, as the server's list of models has it.")
    connect_timeout_s: ConnectTimeout = 5.0
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
    headers: Headers = {}
