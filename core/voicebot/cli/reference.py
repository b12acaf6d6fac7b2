"""The commands in Markdown, written from what they say of themselves: `python -m voicebot.cli.reference FILE`."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from voicebot.cli.main import COMMANDS, cli

__all__ = ["cli_reference"]

_HEAD = """\
# Command reference

What `voicebot COMMAND --help` says. A profile is a file, or the bare name of one in `./configs` or among those that
come with voicebot ([profiles.md](profiles.md)).

This page is written from the commands by `python -m voicebot.cli.reference docs/cli-reference.md`.
"""


def cli_reference() -> str:
    """All commands that are for hands."""
    root = click.Context(cli, info_name="voicebot")
    rows = [
        f"| [`voicebot {name}`](#voicebot-{name}) | {COMMANDS[name][1]} |" for name in cli.list_commands(root)
    ]
    overview = "\n".join(["| command | |", "|---|---|", *rows])
    return "\n\n".join([_HEAD + "\n" + overview, *_sections(root)]) + "\n"


def _sections(context: click.Context) -> Iterator[str]:
    """A command's section, then those of its sub-commands."""
    command = context.command
    path = context.command_path
    yield f"{'#' * max(2, len(path.split()))} `{path}`"
    yield _fenced("text", " ".join([path, *command.collect_usage_pieces(context)]))
    yield from _help(command.help or "")
    # Not click's own, which a command keeps from whatever context it was first asked in.
    usage = click.Option(
        sorted(command.get_help_option_names(context), key=len),
        is_flag=True,
        help="Show this message and exit.",
    )
    records = [parameter.get_help_record(context) for parameter in (*command.params, usage)]
    rows = [f"| {_option(names)} | {_cell(text)} |" for names, text in filter(None, records)]
    yield "\n".join(["| option | |", "|---|---|", *rows])
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            nested = command.get_command(context, name)
            if nested is not None and not nested.hidden:
                yield from _sections(click.Context(nested, info_name=name, parent=context))


def _help(text: str) -> Iterator[str]:
    """Paragraphs as they are; what click is told not to wrap (\\b) is code, but for the lines that lead to it."""
    for block in inspect.cleandoc(text).split("\n\n"):
        if not block.startswith("\b"):
            yield _escaped(block)
            continue
        lines = block.removeprefix("\b").strip("\n").split("\n")
        if not any("  " in line for line in lines):
            yield _escaped("\n".join(lines))
            continue
        code: list[str] = []
        for line in lines:
            if line.startswith(" ") or not line.endswith(":"):
                code.append(line)
                continue
            if code:
                yield _code(code)
            code = []
            yield _escaped(line)
        if code:
            yield _code(code)


def _code(lines: list[str]) -> str:
    text = textwrap.dedent("\n".join(lines))
    return _fenced("sh" if "voicebot " in text else "text", text)


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;")


def _option(names: str) -> str:
    """`--only [a|b]` is told as `--only` a, b: a pipe is the end of a cell."""
    name, _, choices = names.rstrip("]").partition(" [")
    return f"`{name}` {', '.join(choices.split('|'))}".rstrip() if "|" in choices else f"`{_cell(names)}`"


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(cli_reference(), encoding="utf-8")
