"""The environment that engine libraries are to find."""

from __future__ import annotations

import os

__all__ = ["calm_engine_libraries"]


def calm_engine_libraries() -> None:
    """Call it before any engine (or numpy) is imported, because the libraries read these once.

    The features of speech are small matrices: more BLAS threads only fight with the engines'. Threads that wait must
    sleep, not spin: on two cores, spinning makes an engine several times slower as soon as another one works.
    And none is to call home: onnxruntime's wheels report usage to their maker unless this is set.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
