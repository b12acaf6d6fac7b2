"""ggml's q8_0 blocks in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Q8_0_BLOCK", "q8_0"]

Q8_0_BLOCK = 32
"""Values that share a scale; the last dimension must be a multiple of it."""

_BLOCK = np.dtype([("scale", "<f2"), ("values", "i1", (Q8_0_BLOCK,))])


def q8_0(weights: npt.NDArray[Any]) -> bytes:
    """Quantise as ggml's `quantize_row_q8_0_ref` does, to the bit.

    Args:
        weights: finite floats, any shape whose last dimension is a multiple of 32.
    """
    rows = np.ascontiguousarray(weights, np.float32).reshape(-1, Q8_0_BLOCK)
    scale = np.abs(rows).max(axis=1) / np.float32(127)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)
    scaled = rows * inverse[:, None]
    whole = np.trunc(scaled)  # C's roundf: halves go away from zero, unlike numpy's rint
    whole += np.copysign(np.abs(scaled - whole) >= 0.5, scaled)
    blocks = np.empty(len(rows), _BLOCK)
    blocks["scale"] = scale
    blocks["values"] = whole
    return blocks.tobytes()
