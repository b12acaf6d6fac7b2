"""A call as it happens, on a terminal or in a log."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from voicebot.cli.waterfall import heard_line, waterfall
from voicebot.events import (
    AgentClause,
    AgentTurnEnded,
    CallEnded,
    Event,
    ProviderFailed,
    QueueOverflowed,
    StateChanged,
    TurnHeard,
    TurnMeasured,
    UserTranscript,
)

__all__ = ["LiveView"]


class LiveView:
    """Prints what is said. On a terminal, the line being spoken changes in place; in a file, only what is final.

    Args:
        several: calls are held at the same time: each line begins with its call's, and none changes in place.
    """

    def __init__(self, *, quiet: bool = False, several: bool = False) -> None:
        self._quiet = quiet
        self._several = several
        self._prefix = ""
        self._measured: dict[str, int] = {}
        """Each call's last turn whose lines have been printed."""
        self._console = Console(highlight=False, soft_wrap=True)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and not self._several and self._console.is_terminal:
            self._live = Live(console=self._console, transient=True, refresh_per_second=12)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, event: Event, call_id: str = "") -> None:
        """Print one event of a call."""
        if self._quiet:
            return
        self._prefix = f"{call_id[:4]}  " if self._several else ""
        if isinstance(event, StateChanged):
            words = {"warming_up": "loading engines …", "listening": "listening …", "thinking": "thinking …"}
            self.status(words.get(event.state, ""))
        elif isinstance(event, UserTranscript):
            if event.final:
                self._say("user ", event.text, "bold cyan")
            else:
                self._status(Text.assemble(("user   ", "cyan"), (event.text, "dim")))
        elif isinstance(event, AgentClause):
            self._say("agent", event.text, "bold green")
        elif isinstance(event, AgentTurnEnded) and event.reason == "interrupted":
            self._print(Text(f"       (interrupted; heard: {event.heard_text or 'nothing'})", style="yellow"))
        elif isinstance(event, TurnMeasured):
            self._measured[call_id] = event.turn_id
            for line in waterfall(event.report):
                self._print(Text(line, style="dim"))
        elif isinstance(event, TurnHeard):
            # Else it is among the turn's own lines, which are still to come.
            if self._measured.get(call_id, -1) >= event.turn_id:
                self._print(Text(heard_line(event.voice_to_voice_ms), style="dim"))
        elif isinstance(event, ProviderFailed):
            who = f"{event.kind} plugin {event.plugin!r} of {event.distribution}"
            self._print(Text(f"error: {who}: {event.message}", style="red"))
        elif isinstance(event, QueueOverflowed):
            self._print(Text(f"queue {event.queue} overflowed: {event.dropped} dropped", style="yellow"))
        elif isinstance(event, CallEnded):
            self._measured.pop(call_id, None)

    def tell(self, line: str) -> None:
        """Print a line that is not of a call."""
        if not self._quiet:
            self._prefix = ""
            self.status("")
            self._print(Text(line))

    def status(self, line: str) -> None:
        """The line at the bottom of a terminal, until the next one."""
        self._status(Text(line, style="dim"))

    def summary(self, report: dict[str, Any]) -> None:
        """The last lines: where the answer is, and what the call cost."""
        if self._quiet:
            return
        call, process = report["call"], report["process"]
        click.echo(
            f"{len(report['turns'])} turns in {call['duration_ms'] / 1000:.1f} s, engines warm after "
            f"{call['warmup_ms'] / 1000:.1f} s; {process['cpu_s']:.1f} s of CPU, "
            f"{process['peak_rss_mb']:.0f} MB at most\n"
            f"answer: {call['output']}"
        )

    def _say(self, who: str, text: str, style: str) -> None:
        self._status(Text(""))
        self._print(Text.assemble((who, style), "  ", text))

    def _status(self, line: Text) -> None:
        if self._live is not None:
            self._live.update(line)

    def _print(self, line: Text) -> None:
        self._console.print(Text.assemble((self._prefix, "dim"), line) if self._prefix else line)
