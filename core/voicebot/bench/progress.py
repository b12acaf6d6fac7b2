"""How far a run of the bench is: a bar on a terminal, a line for each call in a log."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from voicebot.bench.report import running_median
from voicebot.bench.runner import Contestant
from voicebot.bench.scoring import TurnResult

__all__ = ["BenchProgress"]


class BenchProgress:
    """On standard error, so that the table or the report can be piped elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=quiet)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("recordings", total=None, note="")
        self._done = self._total = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def preparing(self, done: int, total: int) -> None:
        """So many of the user's sentences have been recorded."""
        self._bar.update(self._task, completed=done, total=total)

    def calls(self, total: int) -> None:
        """The recordings are there; so many calls are to be held."""
        self._total = total
        self._bar.reset(self._task, total=total, description="calls", note="loading engines")

    def held(self, contestant: Contestant, result: TurnResult) -> None:
        """A call is over."""
        self._done += 1
        note = f"{contestant.name}: median {running_median(contestant.results)}"
        self._bar.update(self._task, completed=self._done, note=note)
        if not self._console.is_terminal:
            # No markup: a scenario's name may hold brackets.
            self._console.print(
                f"{self._done}/{self._total}  {contestant.name}  {_line(result)}", markup=False
            )


def _line(result: TurnResult) -> str:
    parts = [result.name]
    if result.voice_to_voice_ms is not None:
        parts.append(f"{result.voice_to_voice_ms:.0f} ms")
    if result.cut_off:
        parts.append("cut off")
    if result.barge is not None:
        if result.barge.missed:
            parts.append("interruption missed")
        elif result.barge.false_interruption:
            parts.append(f"ended by {result.barge.kind}")
        elif result.barge.stop_ms is not None:
            parts.append(f"silent after {result.barge.stop_ms:.0f} ms")
    if result.fault:
        parts.append(result.fault)
    return "  ".join(parts)
