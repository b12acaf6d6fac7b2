"""All the calls, in as many processes as are wanted: in each one call after the other."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from bench.faults.call import sound
from bench.faults.cases import CASES, Case
from bench.faults.cells import Cell, cells, measure
from bench.faults.ears import ear
from bench.faults.holding import fill_executor
from bench.faults.stages import STAGES, Stage
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from voicebot.wav import read_wav

__all__ = ["machine", "run"]

Wanted = tuple[Case, Stage, bool]


def run(stages: Sequence[str], only: str, question: Path, jobs: int) -> list[Cell]:
    """Measure these cells; `question` is what the user says in each."""
    wanted = cells(stages, only)
    if not wanted:
        return []
    spawning = multiprocessing.get_context("spawn")
    # Each gets a share of every stage, and of the calls without another engine: those are the longest.
    shares = [
        [index for index in range(len(wanted)) if (index + index // jobs) % jobs == job]
        for job in range(jobs)
    ]
    measured: dict[int, Cell] = {}
    with spawning.Manager() as manager, ProcessPoolExecutor(jobs, mp_context=spawning) as workers:
        done: Any = manager.Queue()
        running = [workers.submit(_share, stages, only, question, share, done) for share in shares if share]
        with _Bar(len(wanted)) as bar:
            while len(measured) < len(wanted):
                index, cell = done.get()
                if cell is None:
                    break  # that worker has failed: its error is raised below
                measured[index] = cell
                bar(cell)
        for worker in running:
            worker.result()
    return [measured[index] for index in sorted(measured)]


def _share(stages: Sequence[str], only: str, question: Path, share: Sequence[int], done: Any) -> None:
    from voicebot.cli.calm import calm_engine_libraries

    calm_engine_libraries()
    wanted = cells(stages, only)
    try:
        asyncio.run(_measure(question, {index: wanted[index] for index in share}, done.put))
    except BaseException:
        done.put((0, None))
        raise


async def _measure(
    question: Path, wanted: dict[int, Wanted], put: Callable[[tuple[int, Cell]], None]
) -> None:
    fill_executor()
    with tempfile.TemporaryDirectory() as folder:
        async with sound(question, Path(folder)) as engines, ear(read_wav(question)) as listener:
            for name in dict.fromkeys(stage.name for _, stage, _ in wanted.values()):
                # What a stage's libraries make once, and keep, is made now.
                await measure(CASES[0], STAGES[name], True, engines, listener)
            for index, (case, stage, chain) in wanted.items():
                put((index, await measure(case, stage, chain, engines, listener)))


class _Bar:
    """On standard error: a bar on a terminal, a line for each cell in a log."""

    def __init__(self, total: int) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("loading engines", total=total)
        self._done, self._total = 0, total

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.stop()

    def __call__(self, cell: Cell) -> None:
        self._done += 1
        self._bar.update(self._task, completed=self._done, description=f"{cell.stage}: {cell.fault}")
        if cell.problems or not self._console.is_terminal:
            self._console.print(f"{self._done}/{self._total}  {_line(cell)}", markup=False)


def _line(cell: Cell) -> str:
    after = "" if cell.after_s is None else f" after {cell.after_s:.2f} s"
    problems = f"  BROKEN: {', '.join(cell.problems)}" if cell.problems else ""
    return f"{cell.stage}, {cell.fault}{', chain' if cell.chain else ''}: {cell.heard}{after}{problems}"


def machine() -> str:
    """What it runs on."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
