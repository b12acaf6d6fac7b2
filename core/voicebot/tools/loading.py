"""From what a profile says to a function: `weather.tools:forecast`, or `./weather.py:forecast` beside the profile."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

from voicebot.importing import describe, import_path
from voicebot.plugins import nearest
from voicebot.tools.errors import ToolLoadError

__all__ = ["load_function"]

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_FORM = "A tool is named `module:function`, or `./file.py:function` relative to the profile."


def load_function(target: str, base_dir: Path) -> object:
    """What a profile names; not looked at yet.

    Args:
        target: `module:function` or `file.py:function`.
        base_dir: the profile's folder.

    Raises:
        ToolLoadError: there is no such module, file or function, or importing it failed.
    """
    source, _, name = target.rpartition(":")
    if not source or not name.isidentifier():
        raise ToolLoadError(f"{target!r} names no function", hint=_FORM)
    module = _file(source, base_dir) if source.endswith(".py") else _module(source, name, base_dir)
    try:
        return getattr(module, name)
    except AttributeError:
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        close = nearest(name, functions)
        raise ToolLoadError(
            f"there is no {name!r} in {source}" + (f"; did you mean {close!r}?" if close else ""),
            hint=f"Functions there: {', '.join(functions) or 'none'}.",
        ) from None


def _module(source: str, function: str, base_dir: Path) -> ModuleType:
    if not _MODULE.fullmatch(source):
        raise ToolLoadError(f"{source!r} is not the name of a Python module", hint=_FORM)
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if not f"{source}.".startswith(f"{error.name}."):
            raise ToolLoadError(f"{source} could not be imported: {describe(error)}") from error
        file = Path(*source.split(".")).with_suffix(".py")
        beside = (base_dir / file).is_file()
        raise ToolLoadError(
            f"there is no Python module {error.name!r}",
            hint=f"The file beside the profile is ./{file.as_posix()}:{function}"
            if beside
            else f"Install the package that it is in into this environment. {_FORM}",
        ) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ToolLoadError(f"{source} could not be imported: {describe(error)}") from error


def _file(source: str, base_dir: Path) -> ModuleType:
    try:
        path = (base_dir / Path(source).expanduser()).resolve()
        if not path.is_file():
            raise ToolLoadError(
                f"there is no file {path}", hint="Paths are relative to the profile's folder."
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise ToolLoadError(f"{source!r} cannot be read: {error}") from error
    try:
        return import_path(path, "tools")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ToolLoadError(f"{path} could not be imported: {describe(error)}") from error
