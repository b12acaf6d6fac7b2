from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from voicebot.recognition import FULL_CONTEXT, MIN_CONTEXT

__all__ = ["FasterWhisperConfig"]


class FasterWhisperConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        "whisper-base-ct2",
        min_length=1,
        description="A CTranslate2 Whisper model: a name from the manifest, or a folder.",
    )
    device: Literal["cpu", "cuda", "auto"] = Field(
        "cpu", description="Where it runs; auto takes a GPU if there is one."
    )
    compute_type: Literal["auto", "int8", "int8_float16", "int8_float32", "float16", "float32"] = Field(
        "int8", description="Arithmetic; auto takes the fastest that the device has."
    )
    threads: int = Field(
        1, ge=1, le=64, description="CPU threads for one transcription; never more than the profile's share."
    )
    interim_interval_ms: int = Field(
        500, ge=0, le=5000, description="Time between interim transcripts, in ms; 0 for none."
    )
    context_interim: int = Field(
        512,
        ge=MIN_CONTEXT,
        le=FULL_CONTEXT,
        description="Encoder positions (20 ms each) for interim transcripts.",
    )
    context_final: int = Field(
        512,
        ge=MIN_CONTEXT,
        le=FULL_CONTEXT,
        description="Encoder positions (20 ms each) for final transcripts.",
    )
    initial_prompt: str = Field(
        "", max_length=500, description="Names and words to expect, as if they had been said just before."
    )
