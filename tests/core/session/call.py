"""A call among scripted engines, with every part in reach of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from voicebot.engines import Engines
from voicebot.events import Event
from voicebot.report import CallReport
from voicebot.session import Session
from voicebot.settings import SessionSettings
from voicebot.testing import (
    LoudnessVAD,
    Say,
    ScriptedConnection,
    ScriptedLLM,
    ScriptedSTT,
    ScriptedTransport,
    ScriptedTTS,
    ScriptedTurn,
    Silence,
    as_engine,
    run_virtual,
)
from voicebot.tools import ToolRunner


async def _never(report: Callable[[float], None]) -> None:
    """How busy this machine is must not decide a test."""


class Call:
    def __init__(
        self,
        script: Sequence[Say | Silence],
        *,
        texts: Iterable[str | Callable[[float], str]] = (),
        replies: Iterable[str | BaseException] = (),
        apology: object = "",
        **settings: object,
    ) -> None:
        self.apology = str(apology)
        self.vad = LoudnessVAD()
        self.stt = ScriptedSTT(texts)
        self.turn = ScriptedTurn()
        self.llm = ScriptedLLM(replies)
        self.tts = ScriptedTTS()
        self.connection = ScriptedConnection(script)
        # Nothing is guessed unless the test says so. All voices are tones here, so that a user may sound like an echo.
        defaults = {"speculation": {"enabled": False}, "interruption": {"echo_check": False}}
        self.settings = SessionSettings.model_validate(defaults | settings)
        self.observed: list[Event] = []
        self.session: Session | None = None
        self.max_call_s: float | None = None
        self.tools: ToolRunner | None = None

    async def arun(self) -> CallReport:
        engines = Engines(
            as_engine("vad", self.vad),
            as_engine("stt", self.stt),
            as_engine("turn", self.turn),
            as_engine("llm", self.llm),
            as_engine("tts", self.tts),
            apology_text=self.apology,
        )
        self.session = Session(
            "test-call",
            settings=self.settings,
            engines=engines,
            transport=as_engine("transport", ScriptedTransport()),
            connection=self.connection,
            observe=self.observed.append,
            watch_idle=_never,
            max_call_s=self.max_call_s,
            tools=self.tools,
        )
        return await self.session.run()

    def run(self) -> CallReport:
        return run_virtual(self.arun())
