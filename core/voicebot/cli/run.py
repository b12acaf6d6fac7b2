"""`voicebot run`: serve calls until stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from voicebot.cli.live import LiveView
    from voicebot.engines import Engine
    from voicebot.events import Event
    from voicebot.interfaces import Transport
    from voicebot.profile import ResolvedProfile
    from voicebot.supervising.supervisor import Supervisor

__all__ = ["run"]

_log = logging.getLogger(__name__)

STOP_GRACE_S = 15.0
"""After so long a stop is brought about by force: the front's own time, and the workers'."""
CANNOT_GO_ON = 1
KILLED = 130
SHOW_CURSOR = b"\x1b[?25h"
"""The line that changes in place hides it."""


@click.command()
@click.option("--profile", "-p", required=True, help="A profile's file, or the bare name of a known one.")
@click.option(
    "--report-dir",
    type=click.Path(path_type=Path),
    help="Where to write each call's report, CALL_ID.json; made if it is not there.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    help="Where to write a recording of each call, for `voicebot replay`; only where the profile says "
    "`keep: {consent: given}`. Made if it is not there.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.pass_context
def run(ctx: click.Context, profile: str, report_dir: Path | None, record: Path | None, quiet: bool) -> int:
    """Serve calls until stopped by Ctrl-C, SIGTERM or `voicebot drain`; a second Ctrl-C stops at once.

    Calls come the way that the profile's transport takes them: from a page in the browser, for example. Each is held
    in a process of its own, with engines that are warm before it begins; the profile's `calls` says how many there are.
    A process that dies ends its call alone, and is replaced.

    Ctrl-C ends the calls that are on. SIGTERM and `voicebot drain` let them go on for up to the profile's
    `pool.drain_s`, then the agent says goodbye; no other call begins. A second SIGTERM, or Ctrl-C, does not wait.

    \b
    Examples:
      voicebot run --profile local
      voicebot run --profile local --report-dir out/calls
      VOICEBOT_CALLS=4 VOICEBOT_TRANSPORT__PORT=9000 voicebot run -p local

    Exit code 0: it was stopped, or no more calls could come; 1: the processes that hold calls keep dying; 2: it cannot
    run here, or calls cannot come any more; 130: stopped at once.
    """
    from voicebot.cli.calm import calm_engine_libraries

    calm_engine_libraries()
    from voicebot.call import build_provider
    from voicebot.cli.live import LiveView
    from voicebot.interfaces import KINDS
    from voicebot.models import ModelStore
    from voicebot.plugins import ensure_installed
    from voicebot.profile import load_profile, required_models, resolve
    from voicebot.replaying.taped import must_have_consent
    from voicebot.supervising.supervisor import WorkersFailed
    from voicebot.watchdog import run as run_loop

    resolved = resolve(load_profile(profile))
    for kind in KINDS:
        for section in resolved.chain(kind):
            ensure_installed(section.info, section.provider_class)
    store = ModelStore(base_dir=resolved.profile.base_dir)
    for name in required_models(resolved):
        store.path(name)
    if report_dir is not None:
        _make(report_dir, "reports")
    if record is not None:
        must_have_consent(resolved.profile)
        _make(record, "recordings")
    command = [sys.executable, "-P", "-m", "voicebot"]
    command += ["--debug"] if ctx.obj.debug else []
    command += ["worker", "--profile", str(resolved.profile.file)]
    command += ["--report-dir", str(report_dir)] if report_dir is not None else []
    command += ["--record", str(record)] if record is not None else []
    transport = build_provider("transport", resolved, store)
    try:
        with LiveView(quiet=quiet, several=resolved.profile.calls > 1) as view:
            run_loop(_serve(command, resolved, transport, view))
    except WorkersFailed as error:
        click.echo(f"Error: {error}", err=True)
        return CANNOT_GO_ON
    return 0


async def _serve(
    command: list[str], resolved: ResolvedProfile, transport: Engine[Transport], view: LiveView
) -> None:
    from voicebot.engines import blame
    from voicebot.logs import stderr_line
    from voicebot.operating.board import Board
    from voicebot.operating.server import serve_operator
    from voicebot.queues import BoundedQueue
    from voicebot.supervising.running import noted
    from voicebot.supervising.supervisor import Supervisor
    from voicebot.tasks import task_group

    # A terminal may stand still (Ctrl-S); the calls must not.
    printing = BoundedQueue[Callable[[], None]]("terminal", 256, when_full="drop_oldest")

    def open_to_calls(address: str) -> None:
        ready = f"Open {address} and talk." if address else "Ready for calls."
        printing.put_nowait(partial(view.tell, f"{ready} Ctrl-C stops."))

    drain_s = resolved.profile.pool.drain_s

    def changed() -> None:
        note.update("draining" if supervisor.draining else "serving", len(supervisor.calls_on))
        board.calls_changed()

    def happened(call_id: str, event: Event) -> None:
        board.happened(call_id, event)
        printing.put_nowait(partial(view.show, event, call_id))

    supervisor = Supervisor(
        command,
        os.environ,
        calls=resolved.profile.calls,
        transport=transport,
        on_open=open_to_calls,
        on_event=happened,
        on_line=lambda line: printing.put_nowait(partial(click.echo, stderr_line(line), err=True)),
        drain_s=drain_s,
        min_idle=resolved.profile.pool.min_idle,
        on_change=changed,
    )
    board = Board(resolved.profile, supervisor)

    def drain() -> None:
        supervisor.drain()
        calls = len(supervisor.calls_on)
        on = "1 call is on" if calls == 1 else f"{calls} calls are on"
        said = f"Draining: {on}, for up to {drain_s:g} s more." if calls else "Draining."
        printing.put_nowait(partial(view.tell, said))

    _obey_signals(drain, supervisor, drain_s)

    async def print_all() -> None:
        complained = False
        async for job in printing:
            try:
                await asyncio.to_thread(job)
            except (Exception, SystemExit) as error:
                # Whoever read it is gone, say, which rich makes a SystemExit. That is no reason to end the calls.
                if not complained:
                    _log.warning("what happens cannot be shown: %s: %s", type(error).__name__, error)
                complained = True

    operator = resolved.profile.operator

    def open_to_operator(address: str) -> None:
        printing.put_nowait(partial(view.tell, f"Operator's page: {address}"))

    with noted(str(resolved.profile.file), drain_s) as note:
        async with task_group() as group:
            group.create_task(print_all(), name="terminal")
            printing.put_nowait(partial(view.status, "loading engines …"))
            try:
                async with task_group(cancel_on_exit=True) as serving:
                    if operator.port is not None:
                        serving.create_task(
                            serve_operator(operator, board, open_to_operator), name="operator"
                        )
                    await supervisor.run()
            finally:
                printing.close()
                with blame(transport):
                    await transport.provider.aclose()


def _obey_signals(drain: Callable[[], None], supervisor: Supervisor, drain_s: float) -> None:
    from voicebot.supervising.signals import DRAIN_SIGNAL, Obedience
    from voicebot.supervising.supervisor import GOODBYE_S
    from voicebot.watchdog import exit_within

    obedience = Obedience(drains=drain_s > 0)

    def obey(number: signal.Signals) -> None:
        action = obedience.signalled(number)
        if action == "drain":
            exit_within(0, drain_s + GOODBYE_S + STOP_GRACE_S)
            drain()
        elif action == "stop":
            exit_within(0, STOP_GRACE_S)
            supervisor.stop()
        elif action == "kill":
            supervisor.kill()
            if sys.stdout.isatty():
                os.write(sys.stdout.fileno(), SHOW_CURSOR)
            os._exit(KILLED)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, DRAIN_SIGNAL):
        loop.add_signal_handler(number, obey, number)


def _make(folder: Path, what: str) -> None:
    from voicebot.errors import VoicebotError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError as error:
        raise VoicebotError(f"{folder}: {what} cannot be written there: {error.strerror}") from error
    if not writable:
        raise VoicebotError(f"{folder}: {what} cannot be written there: the folder is not writable")
