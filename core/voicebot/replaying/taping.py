"""Recording a call: engines, connection, tools and the machine's headroom, all into one file."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from voicebot.errors import VoicebotError
from voicebot.headroom import watch_idle
from voicebot.interfaces import Connection
from voicebot.keeping.connection import secrets_of
from voicebot.keeping.files import stem_of
from voicebot.profile import ResolvedProfile
from voicebot.replaying.about import about_call
from voicebot.replaying.files import partial_of
from voicebot.replaying.recorder import Recorder
from voicebot.replaying.taped import Taped
from voicebot.replaying.tapped_line import TappedConnection, TappedTools
from voicebot.replaying.taps import Taps
from voicebot.tools import ToolRunner

__all__ = ["Taping"]

SHORTEST_SECRET = 6
"""Characters. What comes from a variable and is shorter may be a plain word, to be cut out wherever it stands."""

_log = logging.getLogger("voicebot.replaying")


@dataclass(frozen=True, slots=True)
class Taping:
    """Records calls.

    Args:
        path: the file to be; or, where there are `many` calls, the folder of their files, each named after its call.
        taps: of the engines that hold the calls.
        on_problem: called with why a recording is not whole.
    """

    path: Path
    many: bool = False
    on_problem: Callable[[str], None] = lambda problem: None
    taps: Taps = field(default_factory=Taps)

    @asynccontextmanager
    async def taped(
        self,
        resolved: ResolvedProfile,
        call_id: str,
        connection: Connection,
        tools: ToolRunner | None,
        max_call_s: float | None = None,
    ) -> AsyncGenerator[Taped, None]:
        """Record the call that is held in here.

        Args:
            max_call_s: the longest that it may be; the profile's own limit holds besides.

        Raises:
            VoicebotError: nothing can be written there. One of `many` calls is held all the same.
        """
        about = about_call(
            resolved,
            call_id=call_id,
            engines=self.taps.facts(),
            tools=tools,
            sample_rate=connection.sample_rate,
            knows_heard=connection.heard_samples() is not None,
            max_call_s=max_call_s,
        )
        path = _path_in(self.path, call_id) if self.many else self.path
        try:
            recorder = Recorder(path, secrets=all_secrets(resolved))
        except VoicebotError as error:
            if not self.many:
                raise
            _log.error("%s", error)
            yield Taped(connection, tools, watch_idle)
            return
        recorder.about(about)

        async def watched(report: Callable[[float], None]) -> None:
            def noted(share: float) -> None:
                recorder.idle(share)
                report(share)

            await watch_idle(noted)

        self.taps.recorder = recorder
        try:
            yield Taped(
                TappedConnection(connection, recorder),
                None if tools is None else TappedTools(tools, recorder),
                watched,
            )
        finally:
            self.taps.recorder = None
            await recorder.aclose()
            if recorder.problem:
                self.on_problem(recorder.problem)


def _path_in(folder: Path, call_id: str) -> Path:
    stem, number = stem_of(call_id), 1
    path = folder / f"{stem}.vbcall"
    while path.exists() or partial_of(path).exists():
        number += 1
        path = folder / f"{stem}-{number}.vbcall"
    return path


def all_secrets(resolved: ResolvedProfile) -> tuple[str, ...]:
    """The secrets of a profile, the longest first: those of its plugins and its own, and what `${…}` stands for."""
    access = resolved.profile.access
    own = {one.get_secret_value() for one in (access.secret, access.previous_secret) if one is not None}
    tree = resolved.profile._tree
    files = set() if tree is None else {node.place.file for node in tree.scalars()}
    found = own.union(secrets_of(resolved), *(_variables_of(file) for file in files if file is not None))
    return tuple(sorted(found - {""}, key=len, reverse=True))


def _variables_of(file: Path) -> set[str]:
    """The values of the variables that a profile's file names."""
    try:
        names = re.findall(r"\$\{([A-Za-z_]\w*)", file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return set()
    values = {os.environ.get(name, "") for name in names}
    return {value for value in values if len(value) >= SHORTEST_SECRET}
