"""`voicebot worker`: the process in which `voicebot run` holds calls. Not for hands."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from voicebot.report import CallReport

__all__ = ["worker"]

_log = logging.getLogger(__name__)


@click.command(hidden=True)
@click.option("--profile", "-p", required=True)
@click.option("--report-dir", type=click.Path(path_type=Path))
@click.option("--record", type=click.Path(path_type=Path))
def worker(profile: str, report_dir: Path | None, record: Path | None) -> int:
    """Hold calls until standard input ends. Tells what happens on standard output, one JSON object a line.

    Exit code 0: told to stop, or no more calls can come; 1: an engine failed, another worker may have more luck;
    2: as long as nothing is changed, no worker can run here.
    """
    from voicebot.cli.calm import calm_engine_libraries

    calm_engine_libraries()
    import psutil

    from voicebot import replaying
    from voicebot.call import serve_calls
    from voicebot.errors import EngineError
    from voicebot.hooks import build_hook_manager
    from voicebot.leaving import Leaving
    from voicebot.models import ModelStore
    from voicebot.profile import load_profile, resolve
    from voicebot.supervising import messages
    from voicebot.supervising.messages import CallEvent, Health, Warm
    from voicebot.supervising.turnover import Turnover
    from voicebot.supervising.worker import Pipes, reporting, until_told_to_stop
    from voicebot.watchdog import run

    pipes = Pipes()
    resolved = resolve(load_profile(profile))
    leaving, turnover = Leaving(), Turnover(resolved.profile.pool)
    memory = psutil.Process().memory_info
    warm = False

    def told(line: bytes) -> None:
        if line == messages.NO_MORE.strip():
            leaving.no_more()
        elif line == messages.GOODBYE.strip():
            leaving.goodbye()
        elif (order := messages.parse_order(line)) is not None:
            leaving.hang_up(order.call_id, goodbye=order.goodbye)

    async def main() -> None:
        async with reporting(pipes.stdout) as supervisor:

            def on_warm() -> None:
                nonlocal warm
                warm = True
                supervisor.tell(Warm())

            def on_report(report: CallReport) -> None:
                if report_dir is not None:
                    _save(report_dir, report)

            def on_free() -> None:
                supervisor.tell(messages.Free())
                why = turnover.call_over(memory().rss / 1e6)
                if why is not None:
                    supervisor.tell(messages.Leaving(why))
                    leaving.no_more()

            serving = serve_calls(
                resolved,
                ModelStore(base_dir=resolved.profile.base_dir),
                hooks=hooks,
                observe=lambda call_id, event: supervisor.tell(CallEvent(call_id, event)),
                on_warm=on_warm,
                on_report=on_report,
                on_health=lambda engines: supervisor.tell(Health(engines)),
                on_free=on_free,
                leaving=leaving,
                taping=None if record is None else replaying.Taping(record, many=True),
            )
            await until_told_to_stop(serving, pipes.stdin, told)

    try:
        with closing(build_hook_manager()) as hooks:
            run(main(), blocked_after_s=resolved.profile.deadlines.warmup_s + 5)
    except EngineError as error:
        if not warm and not error.retryable:
            raise
        click.echo(f"Error: {error}", err=True)
        return 1
    return 0


def _save(folder: Path, report: CallReport) -> None:
    """A report appears whole or not at all; that it cannot be written does not cost the next call."""
    data = report.as_dict()
    target = folder / f"{data['call']['id']}.json"
    part = target.with_suffix(".part")
    try:
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        # Half an emoji, which models stream and UTF-8 cannot hold, becomes JSON's own escape.
        part.write_text(text, encoding="utf-8", errors="backslashreplace")
        part.replace(target)
    except OSError as error:
        _log.warning("%s: the report cannot be written: %s", target, error.strerror)
