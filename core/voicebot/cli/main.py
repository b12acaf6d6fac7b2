"""The `voicebot` command: its sub-commands by name, and what errors look like."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from voicebot._version import __version__
from voicebot.errors import VoicebotError

__all__ = ["Options", "cli", "entry", "main"]

COMMANDS: dict[str, tuple[str, str]] = {
    "bench": (
        "voicebot.cli.bench:bench",
        "Measure a profile in conversation: latency, cut-offs, interruptions.",
    ),
    "call": ("voicebot.cli.call:call", "Hold a call, for example from one WAV file into another."),
    "calls": ("voicebot.cli.calls:calls", "Look at what is kept of calls, export it, delete it."),
    "capacity": ("voicebot.cli.capacity:capacity", "Measure how many calls at once this machine holds."),
    "check": ("voicebot.cli.check:check", "Say whether a profile would run here, and what it would run."),
    "doctor": ("voicebot.cli.doctor:doctor", "Look for what keeps a deployment from being heard."),
    "drain": ("voicebot.cli.drain:drain", "Let a running server finish its calls, and end."),
    "models": ("voicebot.cli.models:models", "Fetch, list and verify model files."),
    "plugins": ("voicebot.cli.plugins:plugins", "List plugins, show their settings, write a new one."),
    "replay": ("voicebot.cli.replay:replay", "Hold a recorded call again, and say what is different."),
    "run": ("voicebot.cli.run:run", "Serve calls until stopped: what a person opens and talks to."),
    "schema": ("voicebot.cli.schema:schema", "Write the JSON Schema of profiles, for editors."),
    "token": ("voicebot.cli.token:token", "Make a token that lets somebody call, once."),
}
"""Where each command is, and its line in `voicebot --help`; nothing is imported to print that."""

HIDDEN = {"worker": "voicebot.cli.worker:worker"}
"""Commands that are not for hands."""

USER_ERROR = 2
INTERRUPTED = 130


@dataclass
class Options:
    """Options of `voicebot` itself."""

    debug: bool = False


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = HIDDEN.get(cmd_name) or COMMANDS.get(cmd_name, ("",))[0]
        if not target:
            return None
        module, attribute = target.split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        if args[0] not in (*COMMANDS, *HIDDEN) and not args[0].startswith("-"):
            from voicebot.plugins import nearest

            close = nearest(args[0], COMMANDS)
            ctx.fail(f"There is no command {args[0]!r}." + (f" Did you mean {close!r}?" if close else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="voicebot")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors (also: VOICEBOT_DEBUG=1).")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """A self-hosted voice agent from one YAML file.

    A profile names the engines (speech to text, language model, text to speech …) and their settings. It is a
    file, or the bare name of one in ./configs or among those that come with voicebot.

    \b
    The first five minutes:
      voicebot check --profile local            what would run, and what is missing
      voicebot models pull --profile local      fetch its model files
      voicebot run --profile local              talk to it
      voicebot plugins show espeak              an engine's settings

    Any setting can be overridden by a variable: VOICEBOT_TTS=piper, VOICEBOT_ENDPOINTING__MIN_DELAY_MS=300.
    VOICEBOT_LOG=debug writes a log to standard error, VOICEBOT_LOG_FORMAT=json one for machines.
    """
    ctx.ensure_object(Options).debug |= debug


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 when all is well, 1 when a check failed, 2 for a user's error, 130 when interrupted.
    """
    options = Options(debug=os.environ.get("VOICEBOT_DEBUG", "") not in ("", "0"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What people and models say may have no place in the terminal's encoding.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _log_to_stderr(os.environ.get("VOICEBOT_LOG", ""), os.environ.get("VOICEBOT_LOG_FORMAT", ""))
        code = cli.main(argv, prog_name="voicebot", standalone_mode=False, obj=options)
    except VoicebotError as error:
        if options.debug:
            _print_traceback()
        click.echo(f"Error: {error}", err=True)
        return USER_ERROR
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        if options.debug:
            _print_traceback()
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def entry() -> NoReturn:
    """The console script: `main`, and a process that ends even where a plugin's thread does not."""
    code = main()
    watchdog = sys.modules.get("voicebot.watchdog")
    if watchdog is not None:
        watchdog.exit_within(code)
    _flush_or_drop()
    sys.exit(code)


def _flush_or_drop() -> None:
    """What nobody reads any more is no error: the interpreter, which flushes last, would end with status 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _log_to_stderr(level: str, form: str) -> None:
    """Log where a variable asks for it; else Python prints warnings and worse."""
    if level or form:
        from voicebot.logs import log_to_stderr

        log_to_stderr(level, form)


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
