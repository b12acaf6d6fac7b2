"""`voicebot models`: fetch, list, check and convert model files."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from voicebot.errors import ModelError, VoicebotError

if TYPE_CHECKING:
    from voicebot.models.progress import Progress
    from voicebot.models.store import ModelStore

__all__ = ["models"]


@click.group()
def models() -> None:
    """Model files: weights and voices, with their checksums and licences.

    Everything but `pull` works offline. Models are kept in VOICEBOT_MODELS_DIR, or in your data folder.
    """


@models.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--profile", "-p", metavar="FILE", help="Fetch what this profile (a file, or a bare name) needs."
)
@click.option("--all", "everything", is_flag=True, help="Fetch every model there is.")
def pull(names: tuple[str, ...], profile: str | None, everything: bool) -> None:
    """Fetch models, checking every byte.

    What is there already is checked and left alone; an interrupted download goes on where it stopped.

    \b
    Examples:
      voicebot models pull --profile local
      voicebot models pull whisper-base-ct2 silero-vad
      VOICEBOT_INDEX_URL=https://pypi.example.org/simple voicebot models pull --all
    """
    from voicebot.models.fetch import pull as fetch

    store = _store()
    wanted = list(names)
    if profile is not None:
        wanted += _needed_by(profile, store)
    if everything:
        wanted += store.manifest.models
    if not wanted and profile is None:
        raise click.UsageError("Say which models: names, --profile FILE or --all (`voicebot models list`).")
    with _progress() as progress:
        fetched = fetch(wanted, store, progress)
    for name in dict.fromkeys(wanted):
        state = "fetched" if name in fetched else "present"
        click.echo(f"{name}  {state}  {store.path(name)}")


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List all models: size, whether it is on this machine, licence.

    \b
    Examples:
      voicebot models list
      voicebot models list --json
    """
    store = _store()
    rows = []
    for name, model in store.manifest.models.items():
        status = store.status(name)
        rows.append(
            {
                "name": name,
                "present": status.present,
                "size": model.size,
                "licence": model.licence,
                "description": model.description,
                "origin": model.origin,
                "path": str(status.path),
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(name) for name in store.manifest.models)
    for row in rows:
        here = "present" if row["present"] else "-"
        click.echo(
            f"{row['name']:<{width}}  {_size(store, str(row['name'])):>9}  {here:<7}  {row['licence']}"
        )
    click.echo(f"\nin {store.root}", err=True)


@models.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Read models from disk and compare their sha256.

    Without names, all models that are on this machine.

    \b
    Examples:
      voicebot models verify
      voicebot models verify whisper-tiny.en-ct2
    """
    store = _store()
    chosen = list(names) or [name for name in store.manifest.models if store.status(name).present]
    failures: list[VoicebotError] = []
    for name in chosen:
        try:
            store.verify(name)
        except ModelError as error:
            failures.append(error)
            click.echo(f"{name}  {error.message}", err=True)
        else:
            click.echo(f"{name}  ok  {_size(store, name)}")
    if not chosen:
        click.echo("No models on this machine yet: see `voicebot models pull --help`.")
    if failures:
        raise ModelError(
            f"{len(failures)} of {len(chosen)} models failed verification.", hint=failures[0].hint
        )


@models.command()
@click.argument("source")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--quantize", type=click.Choice(["f16", "q8_0"]), default="q8_0", show_default=True)
def convert(source: str, target: Path, quantize: str) -> None:
    """Convert a Whisper model from CTranslate2's format to whisper.cpp's.

    SOURCE is a model's name, or a folder with model.bin and vocabulary.txt; TARGET is the file to write.

    \b
    Examples:
      voicebot models convert whisper-base-ct2 ./ggml-base-f16.bin --quantize f16
      voicebot models convert ./my-finetuned-ct2 ./ggml-mine.bin
    """
    from voicebot.models.derive import WHISPER_CONVERTER, load_converter
    from voicebot.models.disk import placing

    folder = _store().path(source)
    converter = load_converter(WHISPER_CONVERTER)
    with placing(target) as draft:
        converter(folder, draft, quantize=quantize)
    click.echo(f"{target}  {target.stat().st_size / 1e6:.1f} MB")


def _store() -> ModelStore:
    from voicebot.models.store import ModelStore

    return ModelStore()


def _needed_by(profile: str, store: ModelStore) -> list[str]:
    """A profile's models to fetch; its files on disk are only checked to be there."""
    from voicebot.models.store import ModelStore, looks_like_path
    from voicebot.profile import load_profile, required_models

    loaded = load_profile(profile)
    needed = required_models(loaded)
    own = [name for name in needed if name not in store.manifest.models and looks_like_path(name)]
    local = ModelStore(store.root, manifest=store.manifest, base_dir=loaded.base_dir)
    for name in own:
        local.path(name)
    return [name for name in needed if name not in own]


def _size(store: ModelStore, name: str) -> str:
    return f"{store.model(name).size / 1e6:.1f} MB"


def _progress() -> AbstractContextManager[Progress]:
    return _Bars() if sys.stderr.isatty() else _Lines()


class _Lines:
    """One line a file, for logs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def begin(self, label: str, total: int, done: int = 0) -> None:
        resumed = f", {done / 1e6:.1f} MB of it there already" if done else ""
        self.note(f"{label} ({total / 1e6:.1f} MB{resumed})")

    def update(self, done: int) -> None: ...

    def end(self) -> None: ...

    def note(self, text: str) -> None:
        click.echo(text, err=True)


class _Bars:
    """A bar with bytes, speed and time left, for a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.table import Column

        self._bars = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True)),
            BarColumn(bar_width=16),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            expand=True,
        )
        self._task = self._bars.add_task("", visible=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, label: str, total: int, done: int = 0) -> None:
        self._task = self._bars.add_task(label, total=total, completed=done)

    def update(self, done: int) -> None:
        self._bars.update(self._task, completed=done)

    def end(self) -> None:
        self._bars.stop_task(self._task)

    def note(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)
