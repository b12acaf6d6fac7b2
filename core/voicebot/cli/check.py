"""`voicebot check`: what a profile would run here, and what it lacks."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import click

from voicebot.cli.table import columns
from voicebot.errors import ExtraNotInstalled, ModelMissing

if TYPE_CHECKING:
    from voicebot.models import ModelStore
    from voicebot.plugins import Section
    from voicebot.profile import ResolvedProfile

__all__ = ["CheckedModel", "CheckedPlugin", "check", "inspect_profile"]


@dataclass(frozen=True, slots=True)
class CheckedModel:
    name: str
    present: bool
    size: int | None
    """Bytes; None for a path that is not in the manifest."""
    licence: str


@dataclass(frozen=True, slots=True)
class CheckedPlugin:
    """One row: a plugin as the profile would run it."""

    kind: str
    name: str
    fallback: bool
    distribution: str
    version: str
    licence: str
    needs_network: bool
    threads: int
    models: list[CheckedModel] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What keeps it from running here, with what to do; empty when it is ready."""


def inspect_profile(resolved: ResolvedProfile, store: ModelStore) -> list[CheckedPlugin]:
    """Look at every plugin of a profile without starting any."""
    return [
        _inspect(section, index > 0, getattr(resolved.profile.threads, kind), store)
        for kind, chain in resolved.chains.items()
        for index, section in enumerate(chain)
    ]


def _inspect(section: Section, fallback: bool, threads: int, store: ModelStore) -> CheckedPlugin:
    from voicebot.plugins import ensure_installed
    from voicebot.profile.resolve import section_models

    info, capabilities = section.info, section.provider_class.capabilities
    models, problems = [], []
    try:
        ensure_installed(info, section.provider_class)
    except ExtraNotInstalled as error:
        problems.append(str(error))
    for name in section_models(section):
        known = store.manifest.models.get(name)
        try:
            store.path(name)
            present = True
        except ModelMissing as error:
            problems.append(str(error))
            present = False
        models.append(
            CheckedModel(name, present, known.size if known else None, known.licence if known else "")
        )
    return CheckedPlugin(
        kind=info.kind,
        name=info.name,
        fallback=fallback,
        distribution=info.distribution,
        version=info.version,
        licence=capabilities.licence,
        needs_network=capabilities.needs_network,
        threads=threads,
        models=models,
        problems=problems,
    )


@click.command()
@click.option("--profile", "-p", default="local", show_default=True, help="A profile's file or name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(profile: str, as_json: bool) -> None:
    """Say whether a profile would run here, and what it would run.

    Reads the profile and what it extends, loads the plugins that it names, validates their settings, and
    looks for engines and model files. Nothing is started and nothing is fetched.

    Exit code: 0 ready; 1 the profile is right, but an engine or a model is missing here; 2 it is wrong.

    \b
    Examples:
      voicebot check --profile local
      voicebot check --profile configs/mine.yaml --json
      VOICEBOT_TTS=piper voicebot check --profile local
    """
    from voicebot.call import build_tools
    from voicebot.hooks import build_hook_manager
    from voicebot.models import ModelStore
    from voicebot.profile import load_profile, resolve

    loaded = load_profile(profile)
    store = ModelStore(base_dir=loaded.base_dir)
    resolved = resolve(loaded)
    with closing(build_hook_manager()) as hooks:
        build_tools(resolved, hooks)
    checked = inspect_profile(resolved, store)
    ready = not any(row.problems for row in checked)
    if as_json:
        rows = [asdict(row) for row in checked]
        click.echo(json.dumps({"profile": str(loaded.file), "ready": ready, "plugins": rows}, indent=2))
    else:
        _print(str(loaded.file), checked)
        click.echo("\nReady." if ready else "\nNot ready.")
        if not all(model.present for row in checked for model in row.models):
            click.echo(f"All models at once: voicebot models pull --profile {profile}")
    if not ready:
        raise click.exceptions.Exit(1)


def _print(file: str, checked: list[CheckedPlugin]) -> None:
    rows = [("kind", "plugin", "licence", "network", "threads", "models")]
    for row in checked:
        name = f"{row.name} (fallback)" if row.fallback else row.name
        network = "needed" if row.needs_network else "-"
        models = [_model(model) for model in row.models] or ["-"]
        rows.append((row.kind, name, row.licence or "not stated", network, str(row.threads), models[0]))
        rows += [("", "", "", "", "", model) for model in models[1:]]
    click.echo("\n".join([file, "", *columns(rows)]))
    for problem in dict.fromkeys(problem for row in checked for problem in row.problems):
        click.echo(f"\n{problem}")


def _model(model: CheckedModel) -> str:
    size = f"{model.size / 1e6:.1f} MB" if model.size is not None else "your own"
    return f"{model.name}, {size}{'' if model.present else ', MISSING'}"
