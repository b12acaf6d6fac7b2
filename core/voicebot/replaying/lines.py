"""What a recording's stream is made of: one JSON object a line, in the order in which things happened.

Three kinds of lines: what came over the connection, what an engine was asked, and what it gave. A request has an `id`;
what was given for it names that. Times: `t` is seconds since the recording began. `after_s` is how long the engine
took: from the request, or, in a stream of results, from when the next one was asked for.

Sound is not in the lines. A line with `n` samples at `rate` Hz stands for the next `n` samples of the file that holds
its side at that rate.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from voicebot.interfaces import Kind

__all__ = [
    "Asked",
    "Call",
    "Delta",
    "Failure",
    "Final",
    "Finalize",
    "Generate",
    "Given",
    "Heard",
    "HungUp",
    "Idle",
    "Interim",
    "Line",
    "Message",
    "Mic",
    "Opened",
    "Over",
    "Predict",
    "Sound",
    "Synthesize",
    "Told",
    "Tool",
    "ToolDone",
    "Usage",
    "UtteranceBegun",
    "Verdict",
    "WarmUp",
    "Window",
    "Word",
    "parse_line",
]

Text = Annotated[str, Field(max_length=1_000_000)]
Name = Annotated[str, Field(max_length=1_000)]
Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Id = Annotated[int, Field(ge=0, le=10_000_000)]
Rate = Annotated[int, Field(ge=8_000, le=192_000)]
Samples = Annotated[int, Field(ge=0, le=100_000_000)]
Link = Annotated[int, Field(ge=0, le=100)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Failure(_Line):
    """An engine's error, as far as a session can tell it from another."""

    message: Text
    retryable: bool = False
    retry_after_s: Seconds | None = None


# --- the connection ---------------------------------------------------------------------------------------------------


class Opened(_Line):
    """The microphone was opened: the engines are warm. All times of a comparison count from here."""

    e: Literal["opened"] = "opened"
    t: Seconds


class Mic(_Line):
    e: Literal["mic"] = "mic"
    t: Seconds
    n: Samples
    rate: Rate


class Heard(_Line):
    """The listener's side measured its latency."""

    e: Literal["heard"] = "heard"
    t: Seconds
    turn_id: int
    voice_to_voice_ms: float = Field(allow_inf_nan=False)


class HungUp(_Line):
    """The user's audio ended."""

    e: Literal["hung_up"] = "hung_up"
    t: Seconds


class Idle(_Line):
    """How much of the machine was idle, and the CPU seconds that the process had used by then."""

    e: Literal["idle"] = "idle"
    t: Seconds
    share: float = Field(ge=0, le=1)
    cpu_s: float = Field(ge=0, allow_inf_nan=False)


class Told(_Line):
    """An event of the call, as `voicebot.events.as_message` writes it; its times count as `t` does."""

    e: Literal["told"] = "told"
    event: dict[str, Any]


# --- requests ---------------------------------------------------------------------------------------------------------


class _Request(_Line):
    id: Id
    t: Seconds
    link: Link = 0
    """Which engine of a chain."""


class WarmUp(_Request):
    e: Literal["warmup"] = "warmup"
    kind: Kind


class UtteranceBegun(_Request):
    e: Literal["utterance"] = "utterance"
    head: Name
    """Digest of the first audio that was pushed: it tells utterances apart."""


class Finalize(_Request):
    e: Literal["finalize"] = "finalize"
    utterance: Id
    audio: Name
    """Digest of all audio pushed so far."""
    audio_s: Seconds


class Predict(_Request):
    e: Literal["predict"] = "predict"
    text: Text
    audio: Name


class Message(_Line):
    role: Literal["system", "user", "assistant", "tool"]
    content: Text
    tool_calls: tuple[tuple[Name, Name, Text], ...] = ()
    """Each call's id, name and arguments."""
    tool_call_id: Name = ""


class Generate(_Request):
    e: Literal["generate"] = "generate"
    messages: tuple[Message, ...]
    tools: tuple[Name, ...] = ()


class Synthesize(_Request):
    e: Literal["synthesize"] = "synthesize"
    text: Text


class Tool(_Request):
    e: Literal["tool"] = "tool"
    name: Name
    arguments: Text


Asked = WarmUp | UtteranceBegun | Finalize | Predict | Generate | Synthesize | Tool


# --- results ----------------------------------------------------------------------------------------------------------


class _Result(_Line):
    id: Id
    after_s: Seconds


class Interim(_Result):
    """`after_s` counts from the utterance's beginning."""

    e: Literal["interim"] = "interim"
    text: Text
    audio_s: Seconds
    faded: bool = False


class Final(_Result):
    e: Literal["final"] = "final"
    text: Text
    audio_s: Seconds
    language: Name = ""
    confidence: float | None = None


class Verdict(_Result):
    e: Literal["verdict"] = "verdict"
    delay_ms: int
    probability: float | None = None
    again_ms: int | None = None


class Delta(_Result):
    e: Literal["delta"] = "delta"
    text: Text


class Call(_Result):
    e: Literal["call"] = "call"
    call_id: Name
    name: Name
    arguments: Text


class Usage(_Result):
    e: Literal["usage"] = "usage"
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


class Word(_Result):
    e: Literal["word"] = "word"
    text: Text
    start_s: float = Field(allow_inf_nan=False)


class Sound(_Result):
    e: Literal["sound"] = "sound"
    n: Samples
    rate: Rate


class ToolDone(_Result):
    e: Literal["tool_done"] = "tool_done"
    text: Text
    problem: Name = ""


class Over(_Result):
    """The request is over; `cancelled` where nobody wanted more of it."""

    e: Literal["over"] = "over"
    how: Literal["done", "cancelled", "failed"]
    failure: Failure | None = None


class Window(_Line):
    """The voice-activity detector's word on its next window."""

    e: Literal["vad"] = "vad"
    p: float = Field(allow_inf_nan=False)
    crc: int = Field(ge=0, le=0xFFFF_FFFF)
    """CRC-32 of the window's samples."""
    failure: Failure | None = None


Given = Interim | Final | Verdict | Delta | Call | Usage | Word | Sound | ToolDone
Line = Annotated[
    Opened | Mic | Heard | HungUp | Idle | Told | Asked | Given | Over | Window, Field(discriminator="e")
]
_adapter: TypeAdapter[Line] = TypeAdapter(Line)


def parse_line(raw: bytes) -> Line:
    """One line of a stream.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return _adapter.validate_json(raw)
