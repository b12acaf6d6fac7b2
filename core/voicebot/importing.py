"""Importing a Python file, or a folder that is a package, by its path; and what an import's failure says."""

from __future__ import annotations

import importlib.util
import sys
import traceback
import zlib
from pathlib import Path
from types import ModuleType

__all__ = ["describe", "import_path", "line_in"]


def import_path(path: Path, purpose: str) -> ModuleType:
    """Run a file, once in this process, under a name of its own: `weather.py` must not stand in for an installed one.

    Args:
        path: a file, or a folder with an `__init__.py`.
        purpose: a word for the module's name.

    Raises:
        BaseException: what the file raises, SystemExit included; then nothing of it is left in `sys.modules`.
    """
    name = f"voicebot_{purpose}_{path.stem}_{zlib.crc32(str(path).encode('utf-8', 'replace')):08x}"
    if name in sys.modules:
        return sys.modules[name]
    file, folders = (path / "__init__.py", [str(path)]) if path.is_dir() else (path, None)
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look types up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for key in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
            del sys.modules[key]
        raise
    return module


def describe(error: BaseException) -> str:
    """`Type: text`, whatever its `__str__` does."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def line_in(path: Path, error: BaseException) -> str:
    """`stt_demo.py, line 7`: the innermost place in that file, or below that folder, where it was raised, or ""."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if path in (Path(frame.filename), *Path(frame.filename).parents):
            return f"{Path(frame.filename).name}, line {frame.lineno}"
    return ""
