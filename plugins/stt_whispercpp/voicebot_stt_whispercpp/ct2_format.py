"""Reads a CTranslate2 `model.bin` without CTranslate2.

The layout (little endian), after `Model::load` in CTranslate2's src/models/model.cc, versions 4 to 6: version
u32, name of the model class, its revision u32, count of variables u32, then per variable its name, rank u8,
dimensions u32 each, type u8, bytes u32 and the values; aliases follow. A string is a u16 length (the closing NUL
included) and its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voicebot.errors import ModelError

__all__ = ["Variables", "read_variables"]

Variables: TypeAlias = Mapping[str, npt.NDArray[Any]]

_VERSIONS = range(4, 7)
_DTYPES: dict[int, npt.DTypeLike] = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> memoryview:
        piece = self._data[self._at : self._at + count]
        if len(piece) < count:
            raise ModelError(f"The file ends too early: {count} bytes wanted at offset {self._at}.")
        self._at += count
        return piece

    def number(self, fmt: str) -> int:
        return int(struct.unpack(fmt, self.take(struct.calcsize(fmt)))[0])

    def string(self) -> str:
        raw = bytes(self.take(self.number("<H")))
        try:
            return raw.rstrip(b"\0").decode()
        except UnicodeDecodeError as error:
            raise ModelError(f"The file holds a name that is not text, before offset {self._at}.") from error


def read_variables(data: bytes | memoryview, spec: str = "WhisperSpec") -> Variables:
    """The variables of a model, by name, as read-only views of `data`.

    Args:
        data: the whole of `model.bin`.
        spec: the class of model that it must hold.

    Raises:
        ModelError: these are not the bytes of such a model.
    """
    reader = _Reader(memoryview(data))
    version = reader.number("<I")
    if version not in _VERSIONS:
        raise ModelError(
            f"This is not a CTranslate2 model of format {_VERSIONS[0]} to {_VERSIONS[-1]} (found {version})."
        )
    if (found := reader.string()) != spec:
        raise ModelError(f"The CTranslate2 model is a {found!r}, not a {spec!r}.")
    reader.number("<I")  # the spec's revision: the names that we look up have been the same in all of them
    variables = {}
    for _ in range(reader.number("<I")):
        name = reader.string()
        shape = tuple(reader.number("<I") for _ in range(reader.number("<B")))
        code, size = reader.number("<B"), reader.number("<I")
        if code not in _DTYPES:
            raise ModelError(f"Variable {name!r} has the unknown type {code}.")
        dtype = np.dtype(_DTYPES[code])
        if prod(shape) * dtype.itemsize != size:
            raise ModelError(
                f"Variable {name!r} has {size} bytes, which is not its shape {shape} of {dtype.name}."
            )
        try:
            variables[name] = np.frombuffer(reader.take(size), dtype).reshape(shape)
        except ValueError as error:  # more dimensions than numpy has, or an empty one beside an enormous one
            raise ModelError(f"Variable {name!r} has an impossible shape.") from error
    return variables
