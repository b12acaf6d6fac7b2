"""From what a user types after `--profile` to a file."""

from __future__ import annotations

from pathlib import Path

import voicebot
from voicebot.errors import ProfileError
from voicebot.plugins import nearest

__all__ = ["bundled_dir", "find_profile", "known_profiles"]


def bundled_dir() -> Path:
    """The folder of the profiles that come with the package."""
    package = Path(voicebot.__file__).resolve().parent
    installed = package / "configs"
    # An editable install does not see the wheel's copy: there they are in the checkout, beside `core/`.
    return installed if installed.is_dir() else package.parents[1] / "configs"


def known_profiles() -> dict[str, Path]:
    """Profiles that can be named without a path; those in ./configs hide bundled ones of the same name."""
    found: dict[str, Path] = {}
    for folder in (bundled_dir(), Path("configs")):
        found |= {file.stem: file for file in sorted(folder.glob("*.yaml"))}
    return found


def find_profile(path_or_name: str | Path) -> Path:
    """The file of a path, or of a bare name: ./configs/NAME.yaml, else the bundled one.

    Raises:
        ProfileError: there is none; the hint lists the known profiles.
    """
    text = str(path_or_name)
    path = Path(path_or_name)
    bare = path.name == text and path.suffix not in (".yaml", ".yml")
    try:
        known = known_profiles()
        if bare and text in known:
            return known[text]
        if path.is_file():
            return path
    except (OSError, ValueError) as error:  # a NUL in the path, or a folder that may not be read
        raise ProfileError(f"the profile {text!r} cannot be read: {error}") from error
    close = nearest(path.stem, known)
    what = f"there is no profile {text!r}" if bare else f"there is no profile file {text!r}"
    raise ProfileError(
        what + (f"; did you mean {close!r}?" if close else ""),
        hint=f"Known profiles: {', '.join(sorted(known)) or 'none'}. Or give the path of a YAML file.",
    )
