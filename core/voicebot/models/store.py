"""Where models are on this machine. Nothing here touches the network."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from rapidfuzz import process

from voicebot.errors import ChecksumMismatch, ModelError, ModelMissing
from voicebot.models.manifest import Manifest, Model, ModelFile, load_manifest

__all__ = ["ModelStatus", "ModelStore", "default_root", "file_sha256", "looks_like_path"]

_WEIGHT_SUFFIXES = frozenset({".bin", ".gguf", ".json", ".onnx", ".pt", ".safetensors", ".wav"})


def default_root() -> Path:
    """`VOICEBOT_MODELS_DIR`, or the user's data folder."""
    override = os.environ.get("VOICEBOT_MODELS_DIR")
    if override:
        return Path(override).expanduser()
    return Path(platformdirs.user_data_dir("voicebot", appauthor=False)) / "models"


def looks_like_path(name: str) -> bool:
    """Whether a profile's model is meant as a path on disk and not as a name."""
    return (
        name.startswith("~") or "/" in name or os.sep in name or Path(name).suffix.lower() in _WEIGHT_SUFFIXES
    )


def file_sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What is on disk of one model."""

    name: str
    path: Path
    size: int
    """Bytes of the whole model, on disk or not."""
    missing: tuple[str, ...]
    """Files that are absent or have another size than the manifest says."""

    @property
    def present(self) -> bool:
        return not self.missing


class ModelStore:
    """A folder with one folder per model.

    Args:
        root: the folder; by default `VOICEBOT_MODELS_DIR`, else the user's data folder. It need not exist.
        manifest: which models there are; by default voicebot's own.
        base_dir: what relative paths are relative to (a profile's folder); by default the working directory.
    """

    def __init__(
        self, root: Path | None = None, *, manifest: Manifest | None = None, base_dir: Path | None = None
    ) -> None:
        self.root = root if root is not None else default_root()
        self.manifest = manifest if manifest is not None else load_manifest()
        self.base_dir = base_dir if base_dir is not None else Path()

    def path(self, model: str) -> Path:
        """The folder of a model, or its file where it is a single one.

        Checks that the files are there and have the right sizes, not their bytes: see `verify`.

        Args:
            model: a name from the manifest, or a path on disk (`~` is the home folder).

        Raises:
            ModelMissing: it is not on this machine, or there is no such model.
        """
        if model not in self.manifest.models and looks_like_path(model):
            return self._own_path(model)
        status = self.status(model)
        if not status.present:
            missing = ", ".join(status.missing)
            raise ModelMissing(
                f"The model {model} is not on this machine: {self.folder(model)} lacks {missing}.",
                hint=f"Fetch it with: voicebot models pull {model}",
            )
        return status.path

    def _own_path(self, model: str) -> Path:
        try:
            path = self.base_dir / Path(model).expanduser()
            if path.exists():
                return path
        except (OSError, RuntimeError):  # may not be entered; a ~user who does not exist
            path = Path(model)
        raise ModelMissing(f"There is no model at {path}.", hint="Check the path in the profile.")

    def status(self, name: str) -> ModelStatus:
        """What is on disk of a model.

        Raises:
            ModelMissing: there is no such model.
        """
        model = self.model(name)
        missing = tuple(file.path for file in model.files if not _has_size(self.file(name, file), file.size))
        path = self.folder(name) if len(model.files) > 1 else self.file(name, model.files[0])
        return ModelStatus(name=name, path=path, size=model.size, missing=missing)

    def verify(self, name: str) -> None:
        """Read all files of a model and compare their sha256 with the manifest's.

        Raises:
            ModelMissing: a file is absent, or there is no such model.
            ChecksumMismatch: a file's bytes are not the manifest's.
            ModelError: a file cannot be read.
        """
        self.path(name)
        for file in self.model(name).files:
            path = self.file(name, file)
            try:
                got = file_sha256(path)
            except OSError as error:
                raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
            if got != file.sha256:
                raise ChecksumMismatch(
                    f"{path} is not the file it should be: sha256 is {got}, expected {file.sha256}.",
                    hint=f"Fetch it again with: voicebot models pull {name}",
                )

    def model(self, name: str) -> Model:
        """The manifest's entry of a model.

        Raises:
            ModelMissing: there is no such model; names the nearest.
        """
        models = self.manifest.models
        if name in models:
            return models[name]
        nearest = process.extractOne(name, list(models), score_cutoff=60)
        meant = f"Did you mean {nearest[0]}? " if nearest else ""
        raise ModelMissing(
            f"There is no model named {name!r}.",
            hint=f"{meant}`voicebot models list` shows all names; a file or folder of your own is ./{name}",
        )

    def folder(self, name: str) -> Path:
        """Where a model's files are kept."""
        return self.root / name

    def file(self, name: str, file: ModelFile) -> Path:
        """Where one file of a model is kept."""
        return self.folder(name) / file.path


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:  # a folder on the way is a file, or may not be entered
        return False
