from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SileroConfig"]


class SileroConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        "silero-vad",
        min_length=1,
        description="Silero VAD 5 or 6 in ONNX: a name from the manifest, or a file.",
    )
