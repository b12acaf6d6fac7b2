"""The core's own settings: everything in a profile that no plugin owns.

Times are milliseconds (`_ms`) or seconds (`_s`). Each model is a section of the profile, named as the field
of `voicebot.profile.Profile` that holds it; unknown keys are errors.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from voicebot.access.settings import AccessSettings
from voicebot.strict import Settings

__all__ = [
    "AccessSettings",
    "AgentSettings",
    "BudgetSettings",
    "ConfirmSettings",
    "DeadlineSettings",
    "EndpointingSettings",
    "FallbackSettings",
    "InterruptionSettings",
    "KeepSettings",
    "PoolSettings",
    "SessionSettings",
    "Settings",
    "SpeculationSettings",
    "SpeechSettings",
    "ThreadSettings",
    "ToolCallSettings",
]


class ToolChoice(Settings):
    """A tool that a profile names."""

    use: str = Field(
        min_length=1,
        max_length=1_000,
        description="`module:function`; `./file.py:function`, relative to the profile; or the name of a tool that "
        "an installed package brings.",
    )
    name: str = Field(
        default="",
        max_length=64,
        description="What the language model calls it; empty: as the function is called.",
    )
    deadline_s: float | None = Field(
        default=None, gt=0, le=600, description="How long it may take (s); null: `tool_calls.deadline_s`."
    )
    filler: str | None = Field(
        default=None,
        max_length=200,
        description="What is said when the user waits for it; empty: nothing; null: `tool_calls.filler`.",
    )


def _named(value: object) -> object:
    return {"use": value} if isinstance(value, str) else value


ToolEntry = Annotated[ToolChoice, BeforeValidator(_named, json_schema_input_type=ToolChoice | str)]
"""In a profile, just what it uses may stand for a tool."""


class AgentSettings(Settings):
    """Who the agent is."""

    system_prompt: str = Field(
        default=(
            "You are a helpful assistant on a phone call. Answer in one or two short spoken sentences, "
            "without lists, markup or emoji."
        ),
        min_length=1,
        description="What the language model is told before the conversation.",
    )
    greeting: str = Field(
        default="", description="What the agent says when the call starts; empty: it waits for the user."
    )
    language: str = Field(
        default="en",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="The call's language, a BCP 47 tag such as `en` or `de-CH`.",
    )
    apology: str | None = Field(
        default=None,
        max_length=200,
        description="What the agent says where no engine can answer, made ready when they warm up; empty: nothing; "
        "null: a short apology in the call's language.",
    )
    history_turns: int = Field(
        default=12,
        ge=0,
        le=1000,
        description="How many past exchanges the language model sees again; older ones are dropped.",
    )
    tools: tuple[ToolEntry, ...] = Field(
        default=(),
        max_length=64,
        description="Python functions that the language model may call: `module:function`, or "
        "`./file.py:function` relative to the profile; a mapping gives options.",
    )


class EndpointingSettings(Settings):
    """When the user has started to speak, and when their turn is over."""

    enter_threshold: float = Field(
        default=0.5, ge=0, le=1, description="Speech probability from which a window counts as speech."
    )
    exit_threshold: float = Field(
        default=0.35,
        ge=0,
        le=1,
        description="Speech probability below which it counts as silence again; at most `enter_threshold`.",
    )
    min_speech_ms: int = Field(
        default=96, ge=0, le=5_000, description="Speech shorter than this is taken for a noise (ms)."
    )
    suspect_ms: int = Field(
        default=22,
        ge=0,
        le=5_000,
        description="Speech after which the agent falls silent for the moment (ms, each window times its "
        "probability); it goes on where `min_speech_ms` is not reached.",
    )
    preroll_ms: int = Field(
        default=300,
        ge=0,
        le=5_000,
        description="Audio from before the speech started that is transcribed too (ms).",
    )
    speculate_after_ms: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Silence after which the transcript is finalised ahead of the turn's end (ms); "
        "0: with the first silent window.",
    )
    min_delay_ms: int = Field(
        default=200,
        ge=0,
        le=10_000,
        description="Shortest silence that may end a turn, whatever the model says (ms).",
    )
    max_delay_ms: int = Field(
        default=1500,
        ge=0,
        le=30_000,
        description="Silence that always ends a turn (ms); at least `min_delay_ms`.",
    )
    open_delay_ms: int = Field(
        default=1200,
        ge=0,
        le=30_000,
        description="Silence to wait for where the words say that more will follow, such as a trailing 'and' "
        "or 'um' (ms); `min_delay_ms` and `max_delay_ms` hold for it too.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.exit_threshold > self.enter_threshold:
            raise ValueError(
                f"exit_threshold ({self.exit_threshold}) must not be above "
                f"enter_threshold ({self.enter_threshold})"
            )
        if self.min_delay_ms > self.max_delay_ms:
            raise ValueError(
                f"min_delay_ms ({self.min_delay_ms}) must not be above max_delay_ms ({self.max_delay_ms})"
            )
        return self


class ConfirmSettings(Settings):
    """What it takes for the user to take the floor from the agent. A sound that does not is dismissed."""

    confirm_ms: int = Field(
        default=500,
        ge=0,
        le=5_000,
        description="Speech that it takes while they still speak (ms). The agent is silent meanwhile; a shorter sound "
        "is judged by its words when it is over.",
    )
    words: int = Field(
        default=1, ge=0, le=20, description="Recognised words that it takes, those of agreement not counted."
    )
    without_words_ms: int = Field(
        default=1500,
        ge=0,
        le=30_000,
        description="Speech that is enough by itself, while no words have been recognised (ms).",
    )


class InterruptionSettings(Settings):
    """What happens when the user speaks while the agent does (barge-in).

    The agent falls silent as soon as speech is heard. Once the interruption is confirmed its answer is dropped; where
    it was a cough, a word of agreement or its own echo, it goes on from the same sample.
    """

    enabled: bool = Field(default=True, description="Whether the user can interrupt the agent.")
    speaking: ConfirmSettings = Field(
        default_factory=ConfirmSettings, description="What it takes while the agent is speaking."
    )
    thinking: ConfirmSettings = Field(
        default_factory=lambda: ConfirmSettings(confirm_ms=300, without_words_ms=600),
        description="What it takes while the agent has not begun to speak yet: the user has more to say.",
    )
    backchannels: tuple[str, ...] | None = Field(
        default=None,
        description="Words and phrases of agreement that do not interrupt, such as 'uh-huh'; null: those of the "
        "call's language that voicebot knows.",
    )
    echo_check: bool = Field(
        default=True,
        description="Whether sound from the microphone that is the agent's own voice is told from the user's.",
    )
    mark: str = Field(
        default=" —",
        max_length=40,
        description="What the language model sees at the end of an answer that was cut off.",
    )


class SpeculationSettings(Settings):
    """Answering before it is certain that the user has finished."""

    enabled: bool = Field(
        default=True,
        description="Whether the answer is prepared during the end-of-turn wait (dropped if they go on).",
    )
    on_interims: bool = Field(
        default=True,
        description="Whether that may begin while the user still speaks, when the transcript has stopped changing.",
    )
    max_tokens_per_minute: int = Field(
        default=1500,
        ge=0,
        description="Tokens of dropped answers in a minute, from which on it pauses.",
    )
    max_cpu_s_per_minute: float = Field(
        default=20,
        ge=0,
        description="CPU seconds of this process spent while answers that were dropped were prepared, in a minute, "
        "from which on it pauses.",
    )
    min_idle: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of the machine's CPU that was idle in the last seconds, below which it pauses.",
    )


class SpeechSettings(Settings):
    """How the answer is cut into clauses and sent."""

    first_clause_chars: int = Field(
        default=24,
        ge=1,
        le=500,
        description="The first clause ends at the first natural break from here on (characters).",
    )
    max_clause_chars: int = Field(
        default=200, ge=20, le=2_000, description="A clause longer than this is cut at a space (characters)."
    )
    spoken_forms: bool = Field(
        default=True,
        description='Write numbers, money, dates, units and the like out before the voice gets them ("$5": "five '
        'dollars"); the history keeps what was written.',
    )
    sentence_pause_ms: int = Field(
        default=0, ge=0, le=2_000, description="Silence added between sentences (ms)."
    )
    read_ahead_ms: int = Field(
        default=2_000,
        ge=100,
        le=30_000,
        description="How much speech may be synthesised ahead of what is being played (ms).",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first_clause_chars > self.max_clause_chars:
            raise ValueError(
                f"first_clause_chars ({self.first_clause_chars}) must not be above "
                f"max_clause_chars ({self.max_clause_chars})"
            )
        return self


class ThreadSettings(Settings):
    """How many CPU threads the engines of each kind may use."""

    vad: int = Field(default=1, ge=1, le=256, description="Threads of the voice-activity detector.")
    stt: int = Field(default=1, ge=1, le=256, description="Threads of speech recognition.")
    turn: int = Field(default=1, ge=1, le=256, description="Threads of the end-of-turn model.")
    llm: int = Field(default=2, ge=1, le=256, description="Threads of an embedded language model.")
    tts: int = Field(default=1, ge=1, le=256, description="Threads of speech synthesis.")
    transport: int = Field(default=1, ge=1, le=256, description="Threads of the transport.")


def _hop(what: str, default: float | None = None) -> float | None:
    value: float | None = Field(
        default=default, gt=0, le=60_000, description=f"{what} (ms); null: not judged."
    )
    return value


class BudgetSettings(Settings):
    """What each hop of a turn may take; a turn over budget names the guilty hop."""

    end_of_turn: float | None = _hop("Last speech sample to the decision that the turn is over", 450)
    stt_final: float | None = _hop("End of turn to the final transcript")
    llm_ttft: float | None = _hop("Final transcript to the language model's first token")
    first_clause: float | None = _hop("First token to the first clause handed to speech synthesis")
    tts_ttfa: float | None = _hop("First clause to its first audible sample")
    orchestration: float | None = _hop("What the hops above do not account for")
    network: float | None = _hop("Both ways over the network")
    client: float | None = _hop("The listener's jitter and playout buffers")
    voice_to_voice: float | None = _hop(
        "User's last speech sample to the agent's first audible one, all included"
    )


class DeadlineSettings(Settings):
    """After how long an engine that gives no result has failed."""

    warmup_s: float = Field(default=60, gt=0, le=3_600, description="Loading an engine and its model (s).")
    stt_final_s: float = Field(default=15, gt=0, le=600, description="A final transcript (s).")
    turn_verdict_ms: int = Field(
        default=1_000,
        gt=0,
        le=10_000,
        description="The end-of-turn model's verdict (ms); without it, `endpointing.max_delay_ms` holds.",
    )
    llm_first_token_s: float = Field(
        default=10, gt=0, le=600, description="The language model's first token (s)."
    )
    tts_first_audio_s: float = Field(default=10, gt=0, le=600, description="A clause's first audio (s).")


class FallbackSettings(Settings):
    """When another engine of a chain is asked instead.

    Errors and silence count against an engine; one that is broken is left alone for a while, which doubles each time it
    is tried again in vain.
    """

    stt_s: float = Field(
        default=4,
        gt=0,
        le=600,
        description="How long to wait for a final transcript while there is a next one (s).",
    )
    llm_s: float = Field(
        default=3,
        gt=0,
        le=600,
        description="How long to wait for the first token while there is a next one (s).",
    )
    tts_s: float = Field(
        default=3,
        gt=0,
        le=600,
        description="How long to wait for a clause's first audio while there is a next one (s).",
    )
    failures: int = Field(
        default=2,
        ge=1,
        le=100,
        description="So many failures that may pass, within `window_s`, break an engine.",
    )
    window_s: float = Field(default=60, gt=0, le=86_400, description="How long a failure counts (s).")
    cooldown_s: float = Field(
        default=5, gt=0, le=86_400, description="How long a broken engine is left alone, the first time (s)."
    )
    longest_cooldown_s: float = Field(default=120, gt=0, le=86_400, description="The same, at most (s).")


class ToolCallSettings(Settings):
    """How the language model's tools are called."""

    installed: bool = Field(
        default=True,
        description="Whether tools that installed packages bring are offered without being named in `agent.tools`.",
    )
    deadline_s: float = Field(
        default=10,
        gt=0,
        le=600,
        description="How long a tool may take (s); then the model is told that it failed.",
    )
    at_once: int = Field(
        default=4,
        ge=1,
        le=32,
        description="How many tools may run at once in a call; others wait their turn.",
    )
    max_rounds: int = Field(
        default=4,
        ge=1,
        le=20,
        description="How often the model may call tools and read their results before it must answer.",
    )
    max_result_chars: int = Field(
        default=4_000,
        ge=100,
        le=100_000,
        description="How much of a tool's result the model is told (characters).",
    )
    filler_after_ms: int = Field(
        default=900,
        ge=100,
        le=60_000,
        description="Silence, once tools are called, after which the agent says `filler` (ms).",
    )
    filler: str | None = Field(
        default=None,
        max_length=200,
        description="What it says then, once in an answer; empty: nothing; null: 'One moment, please.' in the call's "
        "language, where voicebot knows it.",
    )


class KeepSettings(Settings):
    """What stays of a call when it is over."""

    folder: str = Field(
        default="calls",
        min_length=1,
        max_length=1_000,
        description="Where; relative to the profile. It is made, for this user alone, if it is not there.",
    )
    audit: bool = Field(
        default=False, description="Whether what happens in a call is logged, without what is said."
    )
    transcripts: bool = Field(default=False, description="Whether what is said is kept, as text.")
    recording: bool = Field(
        default=False, description="Whether it is recorded: the user left, the agent right, Opus in Ogg."
    )
    consent: Literal["required", "given"] = Field(
        default="required",
        description="`required`: nothing is kept until the user says one of `consent_phrases`; `given`: you have "
        "their consent before they call.",
    )
    consent_phrases: tuple[Annotated[str, Field(min_length=2, max_length=200)], ...] = Field(
        default=(),
        max_length=32,
        description="What counts as consent: the user says this and nothing else, in a turn of theirs.",
    )
    days: int | None = Field(
        default=30,
        ge=1,
        le=36_500,
        description="After how many days it is deleted; null: never by itself.",
    )

    @property
    def anything(self) -> bool:
        """Whether anything is kept at all."""
        return self.audit or self.transcripts or self.recording

    @model_validator(mode="after")
    def _can_be_given(self) -> Self:
        if self.anything and self.consent == "required" and not self.consent_phrases:
            raise ValueError(
                "consent is required, and there are no consent_phrases by which a user could give it; "
                "name some, or say `consent: given` where you have it before the call"
            )
        return self


class PoolSettings(Settings):
    """When a call worker takes a call, how long it lives, and how `voicebot run` leaves."""

    min_idle: float = Field(
        default=0.1,
        ge=0,
        le=0.9,
        description="Share of the machine's CPU, on average of ten seconds, that must be idle for a further call to "
        'begin while one is on; else its caller is told "busy". 0: a free call worker is enough.',
    )
    calls_per_worker: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="After how many calls a call worker is replaced by a fresh one; null: never for that.",
    )
    max_memory_mb: int | None = Field(
        default=None,
        ge=50,
        le=1_000_000,
        description="A call worker that holds more memory than this after a call (resident, in MB) is replaced; "
        "null: never for that.",
    )
    drain_s: float = Field(
        default=60,
        ge=0,
        le=86_400,
        description="How long the calls that are on may go on after SIGTERM or `voicebot drain` (s); then the agent "
        "says goodbye. 0: they are ended at once.",
    )


class SessionSettings(Settings):
    """The sections that a session reads; a profile adds which plugins do the work."""

    agent: AgentSettings = Field(default_factory=AgentSettings, description="Who the agent is.")
    endpointing: EndpointingSettings = Field(
        default_factory=EndpointingSettings,
        description="When the user has started to speak, and when their turn is over.",
    )
    interruption: InterruptionSettings = Field(
        default_factory=InterruptionSettings,
        description="What happens when the user speaks while the agent does (barge-in).",
    )
    speculation: SpeculationSettings = Field(
        default_factory=SpeculationSettings,
        description="Answering before it is certain that the user has finished.",
    )
    speech: SpeechSettings = Field(
        default_factory=SpeechSettings, description="How the answer is cut into clauses and sent."
    )
    tool_calls: ToolCallSettings = Field(
        default_factory=ToolCallSettings, description="How the language model's tools are called."
    )
    budget: BudgetSettings = Field(
        default_factory=BudgetSettings, description="What each hop of a turn may take (ms)."
    )
    deadlines: DeadlineSettings = Field(
        default_factory=DeadlineSettings,
        description="After how long an engine that gives no result has failed.",
    )
    fallback: FallbackSettings = Field(
        default_factory=FallbackSettings,
        description="When another engine of a chain is asked instead.",
    )
    keep: KeepSettings = Field(
        default_factory=KeepSettings, description="What stays of a call when it is over; by default nothing."
    )
    access: AccessSettings = Field(
        default_factory=AccessSettings, description="Who may call, how often and for how long."
    )
