"""Every command that the documentation shows is one that there is. None is run."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
from tests.docs.reading import PAGES, ROOT, Snippet, code_spans, name, snippets

from voicebot.cli.main import cli

ENVIRONMENT = r"(?:[A-Z_0-9]+=(?:'[^']*'|\"[^\"]*\"|\S*) +)*"
COMMAND = re.compile(
    rf"^\$? *{ENVIRONMENT}(?:docker compose .* exec voicebot )?(?:[^\s=]*/)?(?:as_)?voicebot (.+)$"
)
SHELL = snippets("sh", "bash", "console", "text", "")


def commands(snippet: Snippet) -> list[str]:
    """The arguments of each `voicebot …`, without what explains it: a comment, or a column of its own."""
    text = re.sub(r"\\\n\s*", "", snippet.text)
    lines = (COMMAND.match(line.strip()) for line in text.split("\n"))
    shown = (re.split(r"   +| #| [|&]| \d?>", line[1])[0] for line in lines if line)
    return [command for command in shown if "[OPTIONS]" not in command]


def parse(arguments: list[str]) -> None:
    """As click would; stops before the command does anything."""
    command: click.Command = cli
    context: click.Context | None = None
    while arguments:
        context = command.make_context(command.name, arguments, parent=context)
        # Click 8 keeps the sub-command's name apart.
        arguments = [*getattr(context, "_protected_args", ()), *context.args]
        if not isinstance(command, click.Group) or not arguments:
            return
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found


def options(command: click.Command, context: click.Context) -> set[str]:
    return {option for parameter in command.get_params(context) for option in parameter.opts}


def said(error: click.ClickException) -> str:
    return error.format_message()


@pytest.mark.parametrize("snippet", [one for one in SHELL if commands(one)], ids=str)
def test_a_shown_command_is_understood(snippet: Snippet) -> None:
    for command in commands(snippet):
        try:
            parse(shlex.split(command))
        except click.ClickException as error:
            pytest.fail(f"voicebot {command}: {said(error)}")


def test_what_is_not_understood_is_noticed() -> None:
    for wrong in (
        "cal",
        "call --profile local",
        "run --profil local",
        "models fetch",
        "--debg run",
        "bench turns --turns 0 -p x",
    ):
        with pytest.raises(click.UsageError):
            parse(shlex.split(wrong))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_command_in_the_text_is_there_with_its_options(page: Path) -> None:
    for span in code_spans(page):
        words = re.sub(r"[\[\]…]", " ", span)
        match = re.match(rf"^{ENVIRONMENT}voicebot ([a-z].*)$", words)
        if match is None:
            continue
        command: click.Command = cli
        context = click.Context(cli)
        alone = False
        for word in shlex.split(match[1]):
            if isinstance(command, click.Group) and not word.startswith("-") and not alone:
                try:
                    _, found, _ = command.resolve_command(context, [word.split("|")[0]])
                except click.UsageError as error:
                    pytest.fail(f"`{span}`: {said(error)}")
                assert found is not None
                command, context = found, click.Context(found, parent=context)
            elif word.startswith("-"):
                assert word in options(command, context), f"`{span}`: {word}"
                # `bench --profile local` has no sub-command: what follows is an option's value.
                alone = isinstance(command, click.Group) and command.invoke_without_command


def everything() -> list[tuple[str, str]]:
    code = [(str(snippet), snippet.text) for snippet in SHELL]
    return code + [(name(page), span) for page in PAGES for span in code_spans(page)]


def test_makes_targets_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    shown = {
        (where, target)
        for where, code in everything()
        for target in re.findall(r"(?:^|[`&] *)make ([a-z-]+)", code, re.M)
    }
    assert shown
    assert {(where, target) for where, target in shown if target not in targets} == set()


def test_extras_are_there() -> None:
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    shown = {
        (name(page), extra)
        for page in PAGES
        for names in re.findall(r"voicebot-kit\[([a-z-,]+)\]", page.read_text(encoding="utf-8"))
        for extra in names.split(",")
    }
    assert shown
    assert {(where, extra) for where, extra in shown if extra not in extras} == set()


def test_modules_and_scripts_are_there() -> None:
    for where, code in everything():
        for module in re.findall(r"\bpython3? -m ((?:voicebot|bench)[\w.]*)", code):
            assert importlib.util.find_spec(module) is not None, (where, module)
        for script in re.findall(r"\bpython3? ((?:bench|sfu)/[\w/.]+\.py)", code):
            assert (ROOT / script).is_file(), (where, script)
