#!/usr/bin/env python3
"""Print the path of a mediasoup-worker binary that runs on this machine, fetching or building it if need be.

Tried in this order:

  1. $MEDIASOUP_WORKER_BIN, where it is set
  2. the cache: $XDG_CACHE_HOME (or ~/.cache)/voicebot/mediasoup-worker/<version>-<platform>-<arch>/
  3. the binary that mediasoup's authors publish with the release (a download of a few MB)
  4. a build from the source in node_modules/mediasoup/worker (minutes; needs a C++ compiler and a few libraries)

The path is the last line of stdout; everything else goes to stderr. So:

  MEDIASOUP_WORKER_BIN=$(python3 worker/ensure.py) node src/main.js
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from mediasoup_worker.build import BuildFailed, build
from mediasoup_worker.place import Place, UserError, find_package, read_place, say, why_not
from mediasoup_worker.prebuilt import NoPrebuilt, fetch


def ensure(place: Place, *, rebuild: bool = False, source_only: bool = False) -> Path:
    """The path of a worker that starts. Raises UserError, BuildFailed.

    `rebuild` makes a new one whatever the cache holds; `source_only` never takes a prebuilt one, a cached one included.
    """
    given = os.environ.get("MEDIASOUP_WORKER_BIN")
    if given and not rebuild:
        reason = why_not(Path(given))
        if reason is not None:
            raise UserError(
                f"MEDIASOUP_WORKER_BIN={given} cannot be used: {reason}. Unset it, or point it at a worker."
            )
        return Path(given).absolute()
    if not rebuild and _cached(place, source_only):
        return place.binary
    with _alone(place):
        # Another process may have built it while this one waited.
        if not rebuild and _cached(place, source_only):
            return place.binary
        if not source_only:
            try:
                return fetch(place)
            except NoPrebuilt as error:
                say(f"no prebuilt worker: {error}")
        return build(place)


def _cached(place: Place, source_only: bool) -> bool:
    if not place.binary.is_file():
        return False
    if source_only and not (
        place.origin.is_file() and place.origin.read_text(encoding="utf-8").strip() == "source"
    ):
        return False
    reason = why_not(place.binary)
    if reason is not None:
        say(f"the cached {place.binary} is of no use: {reason}")
    return reason is None


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """One fetch or build at a time; the lock goes with the process, however it ends."""
    place.cache.mkdir(parents=True, exist_ok=True)
    with place.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process is at work on the worker ({place.lock}); waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ensure.py",
        description=__doc__,
        epilog="Exit codes: 0 done; 2 something for you to put right, as the message says; 1 the build failed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--package",
        type=Path,
        metavar="DIR",
        help="mediasoup's folder (default: the nearest node_modules/mediasoup at or above this script)",
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="make a new one: skip MEDIASOUP_WORKER_BIN and the cache"
    )
    parser.add_argument(
        "--source-only", action="store_true", help="never take a prebuilt binary: build from source"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        place = read_place(options.package or find_package(Path(__file__).resolve().parent))
        path = ensure(place, rebuild=options.rebuild, source_only=options.source_only)
    except UserError as error:
        say(f"mediasoup-worker: {error}")
        return 2
    except BuildFailed as error:
        say(f"mediasoup-worker: {error}")
        return 1
    except OSError as error:
        say(f"mediasoup-worker: {error}. The cache is put elsewhere with XDG_CACHE_HOME.")
        return 2
    except KeyboardInterrupt:
        say("mediasoup-worker: stopped")
        return 130
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
