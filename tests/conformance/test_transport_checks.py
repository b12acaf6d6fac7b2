"""The check of a transport's front fails on fronts that are wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.scripted_plugins.voicebot_scripted.transport import ScriptedTransport as SocketTransport
from tests.support.scripted_plugins.voicebot_scripted.transport import TransportConfig

from voicebot.errors import EngineError
from voicebot.testing import ScriptedConnection, ScriptedTransport, context
from voicebot.testing.conformance import ConformanceError, check_transport


def test_right_ones(tmp_path: Path) -> None:
    check_transport(ScriptedTransport)
    check_transport(lambda: SocketTransport(TransportConfig(), context(base_dir=tmp_path)))


class Nameless:
    async def serve(self, on_ready: Callable[[str], None]) -> None:
        on_ready("")
        await asyncio.Event().wait()


class Brief:
    async def serve(self, on_ready: Callable[[str], None]) -> None:
        on_ready("http://here/")


class Mute:
    async def serve(self, on_ready: Callable[[str], None]) -> None:
        return


class Stubborn:
    async def serve(self, on_ready: Callable[[str], None]) -> None:
        on_ready("http://here/")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return


class Careless:
    async def serve(self, on_ready: Callable[[str], None]) -> None:
        self.task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
        on_ready("http://here/")
        await asyncio.Event().wait()


class Grasping:
    taken = False

    async def serve(self, on_ready: Callable[[str], None]) -> None:
        if Grasping.taken:
            raise EngineError("the port is taken")
        Grasping.taken = True
        on_ready("http://here/")
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("front", "complaint"),
    [
        (Nameless, "no address"),
        (Brief, "ended by itself"),
        (Mute, "without having listened"),
        (Stubborn, "did not end it as cancelled"),
        (Careless, "forgotten"),
        (Grasping, "the port is taken"),
    ],
)
def test_wrong_ones(front: type[Any], complaint: str) -> None:
    class Fronted(ScriptedTransport):
        def front(self) -> Any:
            return front()

        async def connections(self) -> AsyncGenerator[ScriptedConnection, None]:
            raise AssertionError("no call is placed")
            yield

    with pytest.raises((ConformanceError, EngineError), match=complaint):
        check_transport(Fronted)
