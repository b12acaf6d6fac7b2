from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Example", "LlamaCppConfig"]


class Example(BaseModel):
    """A question with the answer it should get."""

    model_config = ConfigDict(extra="forbid")

    user: str = Field(min_length=1, description="What a caller says.")
    assistant: str = Field(min_length=1, description="The answer in the length and tone wanted.")


# Chosen by experiment with the default model: see the README.
DEFAULT_EXAMPLES = (
    Example(user="Hello!", assistant="Hello! How can I help you?"),
    Example(user="What is the capital of Italy?", assistant="The capital of Italy is Rome."),
    Example(user="How many hours are in a day?", assistant="There are twenty-four hours in a day."),
    Example(
        user="Why do leaves fall in autumn?",
        assistant="Leaves fall because trees save water and energy for the winter.",
    ),
    Example(
        user="Can you tell me a joke?",
        assistant="Why did the chicken cross the road? To get to the other side!",
    ),
    Example(user="Who painted the Mona Lisa?", assistant="Leonardo da Vinci painted the Mona Lisa."),
    Example(user="Okay, thanks, bye.", assistant="You are welcome. Goodbye!"),
)


class LlamaCppConfig(BaseModel):
    """Settings of the embedded language model."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        default="smollm2-135m-instruct",
        min_length=1,
        description="A model from the manifest, or the path of a .gguf file with a chat template.",
    )
    examples: list[Example] = Field(
        default_factory=lambda: list(DEFAULT_EXAMPLES),
        max_length=32,
        description="Exchanges placed after the system prompt in every request; evaluated once, then cached. A small "
        "model follows them better than instructions.",
    )
    max_tokens: int = Field(default=80, ge=1, le=2048, description="The longest answer, in tokens.")
    context_tokens: int = Field(
        default=2048,
        ge=256,
        le=131072,
        description="Prompt and answer together, in tokens; the oldest exchanges are left out when they do not fit.",
    )
    temperature: float = Field(default=0.0, ge=0.0, le=2.0, description="0 always takes the likeliest token.")
    top_p: float = Field(
        default=0.95, gt=0.0, le=1.0, description="Nucleus sampling; no effect at temperature 0."
    )
    repeat_penalty: float = Field(
        default=1.0, ge=1.0, le=2.0, description="Above 1, tokens of the recent text become less likely."
    )
    seed: int = Field(
        default=0, ge=0, le=2**32 - 2, description="Of the sampling; no effect at temperature 0."
    )

    @model_validator(mode="after")
    def _answer_fits(self) -> Self:
        if self.max_tokens > self.context_tokens // 2:
            raise ValueError("max_tokens must be at most half of context_tokens")
        return self
