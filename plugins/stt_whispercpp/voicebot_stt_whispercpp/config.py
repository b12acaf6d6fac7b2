from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from voicebot.recognition import FULL_CONTEXT, MIN_CONTEXT

__all__ = ["WhisperCppConfig"]


class WhisperCppConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        "whisper-base-ggml-q8_0",
        min_length=1,
        description="A ggml Whisper model: a name from the manifest, or a file.",
    )
    use_gpu: bool = Field(
        False, description="Use a GPU, where pywhispercpp was built for one (its wheels are not)."
    )
    threads: int = Field(
        1, ge=1, le=64, description="CPU threads for one transcription; never more than the profile's share."
    )
    interim_interval_ms: int = Field(
        300, ge=0, le=5000, description="Time between interim transcripts, in ms; 0 for none."
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
