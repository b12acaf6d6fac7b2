"""What a plugin implements: one small Protocol per kind.

A plugin is a class named by an entry point (`[project.entry-points."voicebot.tts"] mytts = "pkg:MyTTS"`). The class
carries a pydantic `Config` and `capabilities`; an instance is a *provider*: it is built with its validated config and
a `ProviderContext`, warmed up once, used for one call at a time, and closed. Nothing here is inherited from: any class
of the right shape is a provider. It may state `api_version = 1`, the version of these interfaces that it is written
for; docs/plugins.md says what may change between versions.

Rules for every provider:

- `__init__` is cheap and does no I/O; models are loaded in `warmup()`, which may be called again.
- Blocking work runs in a thread (`asyncio.to_thread`, `loop.run_in_executor`); the event loop is never held for more
  than a millisecond.
- Cancelling the awaiting task (or closing the returned async generator) stops the work as soon as the engine can.
- `aclose()` releases everything, may be called twice, and may be called before `warmup()`.
- Failures are `voicebot.errors.EngineError`; other exceptions are reported as a fault of the plugin.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel

from voicebot.access.settings import AccessSettings
from voicebot.audio import AudioChunk, Samples
from voicebot.events import Event

__all__ = [
    "API_VERSION",
    "KINDS",
    "LLM",
    "STT",
    "TTS",
    "VAD",
    "Capabilities",
    "ChatMessage",
    "ClosingTransport",
    "Connection",
    "EndOfTurn",
    "FinalTranscript",
    "Front",
    "HeardReport",
    "InterimTranscript",
    "Kind",
    "LLMEvent",
    "ModelPaths",
    "OperatedFront",
    "Operations",
    "Provider",
    "ProviderContext",
    "Role",
    "SynthesisEvent",
    "TextDelta",
    "TokenUsage",
    "ToolCall",
    "ToolSpec",
    "Transport",
    "TurnContext",
    "TurnVerdict",
    "Utterance",
    "VADStream",
    "WordMark",
]

API_VERSION = 1
"""Version of what is written here and in `voicebot.hooks`: raised when a plugin that was right may be so no longer."""

Kind = Literal["vad", "stt", "turn", "llm", "tts", "transport"]
KINDS: tuple[Kind, ...] = ("vad", "stt", "turn", "llm", "tts", "transport")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as `voicebot plugins show` prints it."""

    streams: bool = False
    """Results arrive before the whole input has been processed."""
    interim: bool = False
    """STT: interim transcripts while the user speaks."""
    word_times: bool = False
    """TTS: `WordMark`s among the audio."""
    sample_rates: tuple[int, ...] = ()
    """Hz; empty where it depends on the model."""
    languages: tuple[str, ...] = ()
    """BCP 47; empty where it depends on the model."""
    tools: bool = False
    """LLM: it can call tools."""
    needs_network: bool = False
    licence: str = ""
    """SPDX expression of the engine (models have their own in the manifest)."""
    modules: tuple[str, ...] = ()
    """Importable names of the engine's packages, looked for before the provider is built."""
    extra: str = ""
    """The extra of voicebot-kit that installs them; "" for an outside plugin."""


class ModelPaths(Protocol):
    """Where model files are on this machine."""

    def path(self, model: str) -> Path:
        """The folder or file of a model: a name from the manifest, or a path on disk.

        Raises:
            ModelMissing: it is not on this machine.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What the core hands to every provider."""

    models: ModelPaths
    threads: int = 1
    """How many CPU threads the engine may use (the profile shares out the machine's cores)."""
    language: str = "en"
    """The call's language, BCP 47."""
    system_prompt: str = ""
    """What the model is told before the conversation, so that an embedded one can evaluate it while it warms up."""
    access: AccessSettings = field(default_factory=AccessSettings)
    """Who may call: for a transport's front."""
    base_dir: Path = field(default_factory=Path)
    """The profile's folder: relative paths in a config are relative to it."""


@runtime_checkable
class Provider(Protocol):
    """What all kinds share."""

    Config: ClassVar[type[BaseModel]]
    """The plugin's own settings; use `model_config = ConfigDict(extra="forbid")` and give every field a description."""
    capabilities: ClassVar[Capabilities]

    def __init__(self, config: Any, context: ProviderContext) -> None: ...

    @classmethod
    def required_models(cls, config: Any) -> Sequence[str]:
        """Names of the models this config needs, for `voicebot models pull --profile` (paths on disk included)."""
        ...

    async def warmup(self) -> None:
        """Load the model, open connections, run once: the first real request must not be slower than the second."""
        ...

    async def aclose(self) -> None: ...


# --- voice activity -------------------------------------------------------------------------------------------------


class VADStream(Protocol):
    """The voice-activity state of one microphone."""

    def process(self, window: Samples) -> float:
        """Probability, 0 to 1, that this window holds speech.

        Called on the event loop, so it must return well within a millisecond.

        Args:
            window: int16, shape `(VAD.window_samples,)`, mono, at `VAD.sample_rate`.
        """
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...


class VAD(Provider, Protocol):
    """Tells speech from silence, window by window."""

    sample_rate: int
    """Hz."""
    window_samples: int
    """Samples per `process` call."""

    def start(self) -> VADStream:
        """Begin to listen to a microphone; streams of one provider know nothing of each other."""
        ...


# --- speech to text -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InterimTranscript:
    """What the user seems to have said so far; replaced by the next one."""

    text: str
    audio_s: float
    """Seconds of audio it covers, from the utterance's start."""
    faded: bool = False
    """The speech had just faded: it may have been the last word."""


@dataclass(frozen=True, slots=True)
class FinalTranscript:
    """What the user said; "" where the audio held no words."""

    text: str
    audio_s: float
    language: str = ""
    confidence: float | None = None
    """0 to 1, where the engine gives one."""


class Utterance(Protocol):
    """One stretch of a user's speech being recognised.

    `finalize` may be called while the user is still silent-or-thinking; more audio may then be pushed, and a later
    `finalize` covers all of it and supersedes the earlier one.
    """

    def push(self, chunk: AudioChunk) -> None:
        """Add audio (16 kHz mono). Never blocks."""
        ...

    async def finalize(self) -> FinalTranscript:
        """Transcribe all that was pushed, ahead of any interim work in progress.

        Raises:
            EngineError: recognition failed.
        """
        ...

    async def aclose(self) -> None:
        """Stop interim work and drop the audio."""
        ...


class STT(Provider, Protocol):
    """Turns speech into text, utterance by utterance."""

    max_utterance_s: float
    """The longest utterance it transcribes whole (whisper: 30); the session finalises and goes on before that."""

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> Utterance:
        """Begin an utterance. `on_interim` is called on the event loop, never after `aclose`."""
        ...


# --- end of turn ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What is known when the user falls silent."""

    audio: Samples
    """int16 mono at 16 kHz: this turn of the user from half a second before it, its last 8 s at most, the silence
    included."""
    text: str
    """The latest interim transcript, or ""."""


@dataclass(frozen=True, slots=True)
class TurnVerdict:
    """How long to wait before answering."""

    delay_ms: int
    """Silence to wait for, from the last speech sample, before the turn counts as over. Clamped by the profile's
    `endpointing.min_delay_ms` and `max_delay_ms`."""
    probability: float | None = None
    """That the turn is complete, 0 to 1, where there is a model behind the verdict."""
    again_ms: int | None = None
    """Ask once more when the silence has lasted this long, from the last speech sample; the later verdict counts."""


class EndOfTurn(Provider, Protocol):
    """Judges, when the user falls silent, whether they have finished."""

    async def predict(self, context: TurnContext) -> TurnVerdict:
        """How long to wait. Asked in every pause, so it should answer within a few tens of milliseconds.

        Raises:
            EngineError: the model failed.
        """
        ...


# --- language model -------------------------------------------------------------------------------------------------

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool called; among an answer's events it is whole, and may follow text."""

    id: str
    """What the tool's result refers to."""
    name: str
    arguments: str
    """JSON as the model wrote it, not checked."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What the model is told of a tool."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of an object."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One entry of the conversation."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    """Of an assistant's message."""
    tool_call_id: str = ""
    """Of a tool's message: the call that it answers."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer, as it is generated."""

    text: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """What an answer took; at its end, where the engine counts."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Prompt tokens that were not computed again."""


LLMEvent = TextDelta | ToolCall | TokenUsage


class LLM(Provider, Protocol):
    """Answers, as a stream of text."""

    def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        """Stream an answer to the conversation. Closing the generator stops generation.

        The first message is the system prompt; user and assistant alternate after it; the last is the user's, or
        follows from it: an assistant's message with tool calls, then a tool's message for each.

        Args:
            tools: what it may call; given only to a provider whose capabilities say `tools`.

        Raises:
            EngineError: the model or its server failed.
        """
        ...


# --- text to speech -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WordMark:
    """A word begins here. Follows or precedes the audio it names; positions count from the clause's first sample."""

    text: str
    start_s: float


SynthesisEvent = AudioChunk | WordMark


class TTS(Provider, Protocol):
    """Speaks text, a clause at a time."""

    def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        """Speak one clause. Chunks are mono, at whatever rate the voice has, and may be of any length.

        Leading and trailing silence belong to the provider: it trims them to what joins clauses naturally.

        Raises:
            EngineError: synthesis failed.
        """
        ...


# --- transport ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeardReport:
    """What the listener's side measured in one turn, on one clock at the ear."""

    turn_id: int
    voice_to_voice_ms: float
    """The user's last speech sample -> the agent's first audible sample."""


class Connection(Protocol):
    """One call's audio, both ways."""

    call_id: str
    """What the far side calls this call, for logs and reports; "" where it has no name for it."""
    sample_rate: int
    """Hz of the audio that `send` takes."""

    def receive(self) -> AsyncIterator[AudioChunk | HeardReport]:
        """The user's audio in real time, about 20 ms a chunk, silence included; ends when the user has gone.

        Among it, where the far side measures, what it heard.
        """
        ...

    async def send(self, packet: AudioChunk) -> None:
        """Play one packet (20 ms, mono, at `sample_rate`). The session paces its calls by the sample clock."""
        ...

    def cancel(self) -> None:
        """Discard what was sent and not played yet; the listener hears silence within one packet."""
        ...

    def heard_samples(self) -> int | None:
        """How many of the sent samples the listener has heard, or None where the transport cannot know."""
        ...

    def notify(self, event: Event) -> None:
        """Tell the far side (a page, say) what is going on. Never blocks."""
        ...

    async def aclose(self) -> None: ...


class Front(Protocol):
    """The part of a transport that outlives its calls: it takes them from outside and gives them to call workers."""

    async def serve(self, on_ready: Callable[[str], None]) -> None:
        """Serve until cancelled; then let go of everything, calls included.

        Args:
            on_ready: called with the address that a person opens, whenever it has begun to listen.

        Raises:
            EngineError: it cannot serve here (a port is taken, a program is missing), or not any more.
        """
        ...


class Operations(Protocol):
    """What a front can show to operators. All of it is for a few times a second at most."""

    def obstacle(self) -> str:
        """Why no call could be answered now, though a call worker may take it, in one line; "" where one could."""
        ...

    def busy(self) -> str:
        """Why a further call would spoil those that are on, in one line; "" where it would not: where one is on, such a
        caller is told "busy"."""
        ...

    def engines(self) -> list[dict[str, Any]]:
        """Each engine of the profile, over all call workers, in the form that docs/operating.md describes."""
        ...

    def metrics(self) -> str:
        """What has been counted in the calls, as Prometheus' text format 0.0.4."""
        ...


@runtime_checkable
class OperatedFront(Front, Protocol):
    """A front with a place where operators look (`/readyz` and `/metrics`)."""

    def operate(self, operations: Operations) -> None:
        """Called once, before `serve`."""
        ...


class Transport(Provider, Protocol):
    """Where calls come from.

    `voicebot run` serves the `front()` in its own process, and holds each call in a call worker, a process that builds
    the same transport from the same profile and iterates `connections()`.
    """

    def front(self) -> Front | None:
        """What has to run for calls to come, or None where `connections()` brings them by itself."""
        ...

    def connections(self) -> AsyncGenerator[Connection, None]:
        """Calls as they come, one at a time: asking for the next one says that it can be held at once.

        Ends when no more can come.

        Raises:
            EngineError: calls cannot come (there is no front to bring them).
        """
        ...


@runtime_checkable
class ClosingTransport(Transport, Protocol):
    """A transport whose calls take a while to come, which must not be cut short when no further one is wanted."""

    def no_more(self) -> None:
        """Make `connections()` end: at once, or when the call that is coming or on is over."""
        ...
