"""Faults and stages, and what the caller hears of each: `python -m bench.faults.table`."""

from __future__ import annotations

import json
import sys
from importlib.resources import as_file, files
from pathlib import Path

import click

__all__ = ["main"]

STAGES = ("stt", "llm", "llm-openai", "tts")
DEFAULT = ("stt", "llm", "tts")
"""`llm-openai` differs from `llm` in how requests are sent; what comes is read by the same code."""


@click.command()
@click.option(
    "--stage", "stages", multiple=True, type=click.Choice(STAGES), help="Instead of stt, llm and tts."
)
@click.option("--only", default="", help="Only the faults whose name holds this.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 16), help="Calls at a time.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write the page of the docs."
)
def main(
    stages: tuple[str, ...], only: str, jobs: int, json_file: Path | None, markdown: Path | None
) -> None:
    """Hold a call for every fault of every stage, alone and with another engine behind it.

    Exit code 1: in some call there was silence, a hang, something wrong, a traceback, a secret, or something left over.
    """
    from voicebot.cli.calm import calm_engine_libraries

    calm_engine_libraries()
    from bench.faults.markdown import page
    from bench.faults.running import machine, run

    with as_file(files("voicebot") / "samples" / "question.wav") as question:
        measured = run(stages or DEFAULT, only, question, jobs)
    if not measured:
        raise click.UsageError(f"There is no fault with {only!r} in its name.")
    conditions = f"{machine()}, {jobs} at a time"
    text = page(measured, conditions)
    if json_file is not None:
        data = {"conditions": conditions, "cells": [cell.as_dict() for cell in measured]}
        json_file.write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
    if markdown is not None:
        markdown.write_text(text, encoding="utf-8")
    elif json_file is None:
        click.echo(text)
    broken = [cell for cell in measured if cell.problems]
    for cell in broken:
        chain = "with another" if cell.chain else "alone"
        click.echo(f"{cell.stage}, {cell.fault}, {chain}: {', '.join(cell.problems)}", err=True)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main(prog_name="python -m bench.faults.table")
