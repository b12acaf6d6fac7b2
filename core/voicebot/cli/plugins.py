"""`voicebot plugins`."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from voicebot.cli.table import columns
from voicebot.errors import PluginLoadError, PluginNotFound, VoicebotError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from voicebot.interfaces import Kind, Provider
    from voicebot.profile.rows import Row

__all__ = ["plugins"]


@click.group()
def plugins() -> None:
    """The engines that profiles can name, by kind: vad, stt, turn, llm, tts, transport.

    A plugin is any installed package with an entry point in the group `voicebot.KIND`. For experiments, a file
    plugins/KIND_NAME.py beside a profile is one too, for that profile alone.
    """


with_profile = click.option(
    "--profile", "-p", help="A profile's file or name: look into the folder `plugins` beside it too."
)


@plugins.command("list")
@with_profile
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(profile: str | None, as_json: bool) -> None:
    """List the installed plugins. Reads metadata only: nothing is imported, so a broken plugin does no harm.

    \b
    Examples:
      voicebot plugins list
      voicebot plugins list --profile agent.yaml
      voicebot plugins list --json
    """
    from voicebot.hooks import GROUP
    from voicebot.plugins import entries, list_plugins

    folder = _folder(profile)
    found = [*list_plugins(folder=folder), *entries(GROUP)]
    if as_json:
        click.echo(json.dumps([asdict(info) for info in found], indent=2, default=str))
        return
    for info, line in zip(
        found, columns([(info.kind, info.name, info.origin) for info in found]), strict=True
    ):
        click.echo(line)
        if info.problem:
            click.echo(f"  cannot be chosen: {info.problem}")


@plugins.command()
@click.argument("name")
@with_profile
def show(name: str, profile: str | None) -> None:
    """Show a plugin: what it can do, its licence, and its settings with an example.

    NAME is a plugin's name, or KIND/NAME where two kinds have the same.

    \b
    Examples:
      voicebot plugins show espeak
      voicebot plugins show stt/whispercpp
    """
    from voicebot.plugins import ensure_installed, find_plugin, load
    from voicebot.profile.rows import COMPUTED, REQUIRED, field_rows

    folder = _folder(profile)
    kind, plugin = _find(name, folder)
    info = find_plugin(kind, plugin, folder)
    provider = load(info)
    click.echo(f"{kind}: {plugin}   ({info.origin}, {info.target})")
    for label, text in _facts(provider):
        click.echo(f"  {label:<13} {text}")
    try:
        ensure_installed(info, provider)
    except Exception as error:
        click.echo(f"  {'not ready':<13} {error}")
    try:
        rows = field_rows(provider.Config)
    except Exception as error:
        raise PluginLoadError(
            f"the settings of {kind}: {plugin} cannot be described: {type(error).__name__}: {error}",
            kind=kind,
            name=plugin,
            distribution=info.distribution,
        ) from error
    click.echo("\nSettings:" if rows else "\nNo settings.")
    for key, type_, default, description in rows:
        said = default if default in (REQUIRED, COMPUTED) else f"default {default}"
        click.echo(f"  {key} ({type_}; {said})")
        click.echo(
            click.wrap_text(description, 100, "      ", "      ") if description else "", nl=bool(description)
        )
    click.echo(f"\nExample:\n  {kind}:\n    use: {plugin}")
    for line in _example(rows):
        click.echo(line)


def _example(rows: Sequence[Row]) -> Iterator[str]:
    """The settings as YAML; what can be left out is commented out."""
    from voicebot.profile.rows import COMPUTED, REQUIRED

    margins = {"": "    "}
    for row in rows:
        above, _, name = row.key.rpartition(".")
        if above not in margins:
            continue  # within a list, or within what is no mapping by default
        margin = margins[above]
        if row.default != REQUIRED and "#" not in margin:
            margin += "# "
        opened = row.default == "{}" or (row.default == REQUIRED and row.type == "mapping")
        if opened and any(other.key.startswith(f"{row.key}.") for other in rows):
            margins[row.key] = f"{margin}  "
            yield f"{margin}{name}:"
        else:
            yield f"{margin}{name}: {'…' if row.default in (REQUIRED, COMPUTED) else row.default}"


@plugins.command()
@click.argument("kind")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The folder to write it in; made if it is not there. Here, by default.",
)
def new(kind: str, name: str, into: Path) -> None:
    """Write a new plugin's package: a small engine that works, its settings, and tests that pass.

    KIND is vad, stt, turn, llm, tts, transport or hooks (an observer of calls). NAME is what a profile will say.

    \b
    Examples:
      voicebot plugins new stt demo
      voicebot plugins new tts my_voice --into ~/src
    """
    from voicebot.plugins import entries, nearest
    from voicebot.scaffold import SCAFFOLDED, write_package

    if kind not in SCAFFOLDED:
        close = nearest(kind, SCAFFOLDED)
        raise VoicebotError(
            f"there is no kind {kind!r} of plugins" + (f"; did you mean {close!r}?" if close else ""),
            hint=f"Kinds: {', '.join(SCAFFOLDED)}.",
        )
    folder = write_package(kind, name, into)
    for taken in entries(f"voicebot.{kind}"):
        if taken.name == name:
            click.echo(
                f"Warning: {taken.origin} has the {kind} plugin {name!r}: while both are installed, neither works.",
                err=True,
            )
    click.echo(f"Written: {folder}. Next:\n")
    for line in _next_steps(kind, folder):
        click.echo(f"  {line}")


def _next_steps(kind: str, folder: Path) -> Iterator[str]:
    import voicebot

    yield f"cd {shlex.quote(str(folder))}"
    yield "pip install -e '.[dev]'"
    yield "pytest"
    yield "voicebot check --profile profile.yaml"
    if kind == "transport":
        yield "voicebot run --profile profile.yaml"
        return
    question = Path(voicebot.__file__).parent / "samples" / "question.wav"
    yield (f"voicebot call --profile profile.yaml --input {shlex.quote(str(question))} --output answer.wav")


def _folder(profile: str | None) -> Path | None:
    from voicebot.plugins import folder_beside
    from voicebot.profile.find import find_profile

    return None if profile is None else folder_beside(find_profile(profile))


def _find(name: str, folder: Path | None) -> tuple[Kind, str]:
    from voicebot.interfaces import KINDS
    from voicebot.plugins import list_plugins, nearest

    kind, slash, plugin = name.partition("/")
    if slash and kind in KINDS:
        return kind, plugin
    listed = list_plugins(folder=folder)
    kinds = sorted({info.kind for info in listed if info.name == name})
    if len(kinds) > 1:
        choices = " or ".join(f"{kind}/{name}" for kind in kinds)
        raise PluginNotFound(f"{name!r} is the name of several plugins; say {choices}", kind="", name=name)
    if not kinds:
        close = nearest(name, {info.name for info in listed})
        raise PluginNotFound(
            f"there is no plugin {name!r}" + (f"; did you mean {close!r}?" if close else ""),
            kind="",
            name=name,
            hint="`voicebot plugins list` shows all.",
        )
    return cast("Kind", kinds[0]), name


def _facts(provider: type[Provider]) -> list[tuple[str, str]]:
    can = provider.capabilities
    summary = (provider.__doc__ or "").strip().splitlines()
    facts = [
        ("what", summary[0] if summary else ""),
        ("licence", can.licence or "not stated"),
        ("network", "needed" if can.needs_network else "not needed"),
        ("languages", ", ".join(can.languages) or "depends on the model"),
        ("sample rates", ", ".join(f"{rate} Hz" for rate in can.sample_rates) or "depends on the model"),
        ("streams", "yes" if can.streams else "no"),
        ("interim", "interim transcripts" if can.interim else ""),
        ("word times", "yes" if can.word_times else ""),
        ("extra", f"pip install 'voicebot-kit[{can.extra}]'" if can.extra else ""),
    ]
    return [(label, text) for label, text in facts if text]
