"""A call as it happens, on a terminal or in a log."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from voicebot.cli.waterfall import waterfall
from voicebot.events import (
    AgentClause,
    AgentTurnEnded,
    Event,
    ProviderFailed,
    QueueOverflowed,
    StateChanged,
    TurnMeasured,
    UserTranscript,
)

__all__ = ["LiveView"]


class LiveView:
    """Prints what is said. On a terminal, the line being spoken changes in place; in a file, only what is final."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._console = Console(highlight=False, soft_wrap=True)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._live = Live(console=self._console, transient=True, refresh_per_second=12)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, event: Event) -> None:
        """Print one event of the call."""
        if self._quiet:
            return
        if isinstance(event, StateChanged):
            words = {"warming_up": "loading engines …", "listening": "listening …", "thinking": "thinking …"}
            self._status(Text(words.get(event.state, ""), style="dim"))
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
            for line in waterfall(event.report):
                self._print(Text(line, style="dim"))
        elif isinstance(event, ProviderFailed):
            who = f"{event.kind} plugin {event.plugin!r} of {event.distribution}"
            self._print(Text(f"error: {who}: {event.message}", style="red"))
        elif isinstance(event, QueueOverflowed):
            self._print(Text(f"queue {event.queue} overflowed: {event.dropped} dropped", style="yellow"))

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
        self._console.print(line)
