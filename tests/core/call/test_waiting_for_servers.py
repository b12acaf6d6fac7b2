"""A call worker whose language model's server is not there yet."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.core.conftest import MakeDistribution

from voicebot import call as call_module
from voicebot.call import serve_calls
from voicebot.errors import EngineError
from voicebot.health import EngineHealth
from voicebot.models import ModelStore
from voicebot.profile import ResolvedProfile, load_profile, resolve
from voicebot.tasks import task_group
from voicebot.testing.fakes import groq
from voicebot.testing.fakes.http import FakeServer

LIMIT_S = 60
MODEL = "openai/gpt-oss-120b"

SOURCE = """
    from voicebot.testing import *

    made = []

    class Vad(LoudnessVAD):
        def __init__(self, config, context): super().__init__()
    class Stt(ScriptedSTT):
        def __init__(self, config, context): super().__init__([])
    class Turn(ScriptedTurn):
        def __init__(self, config, context): super().__init__()
    class Llm(ScriptedLLM):
        def __init__(self, config, context): super().__init__([])
    class Tts(ScriptedTTS):
        def __init__(self, config, context):
            super().__init__()
            made.append(self)
    class Transport(ScriptedTransport):
        def __init__(self, config, context): super().__init__()
        async def connections(self):
            return
            yield
"""


@pytest.fixture
def profile_of(
    make_distribution: MakeDistribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> object:
    kinds = ("vad", "stt", "turn", "llm", "tts", "transport")
    groups = {f"voicebot.{kind}": {"outside": f"outside_waiting:{kind.title()}"} for kind in kinds}
    make_distribution("outside-waiting", groups, {"outside_waiting": SOURCE})
    monkeypatch.setattr(call_module, "WARM_UP_AGAIN_S", (0.01, 0.1))

    def profile(llm: str) -> ResolvedProfile:
        file = tmp_path / "agent.yaml"
        others = "\n".join(f"{kind}: outside" for kind in kinds if kind != "llm")
        file.write_text(f"{others}\n{llm}\nfallback: {{cooldown_s: 0.01}}\n")
        return resolve(load_profile(file, environ={}))

    return profile


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def openai(port: int) -> str:
    return (
        f"{{use: openai, base_url: 'http://127.0.0.1:{port}/openai/v1', api_key: gsk_fake, model: '{MODEL}'}}"
    )


class Told:
    """What a worker has told of its language models, and a way to wait for it."""

    def __init__(self) -> None:
        self.llm: list[EngineHealth] = []
        self.warm = False
        self._changed = asyncio.Event()

    def health(self, engines: list[EngineHealth]) -> None:
        self.llm = [engine for engine in engines if engine.kind == "llm"]
        self._changed.set()

    def on_warm(self) -> None:
        self.warm = True
        self._changed.set()

    @property
    def states(self) -> list[str]:
        return [engine.state for engine in self.llm]

    async def until_states(self, *states: str) -> None:
        await self._until(lambda: self.states == [*states])

    async def until_warm(self) -> None:
        await self._until(lambda: self.warm)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()


def test_it_waits_until_the_server_is_there(
    profile_of: Callable[[str], ResolvedProfile], caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    resolved = profile_of(f"llm: {openai(port)}")
    import outside_waiting  # type: ignore[import-not-found]

    async def main() -> None:
        told = Told()
        async with asyncio.timeout(LIMIT_S), task_group() as group:
            serving = group.create_task(
                serve_calls(resolved, ModelStore(), on_warm=told.on_warm, on_health=told.health)
            )
            await told.until_states("broken")
            (down,) = told.llm
            assert f"127.0.0.1:{port}" in down.why
            assert "gsk_fake" not in repr(told.llm) + caplog.text
            assert (told.warm, serving.done()) == (False, False)
            async with FakeServer(groq.app(), port=port) as server:
                await serving
                assert urlsplit(server.url).port == port
            assert told.warm
            assert told.states == ["ready"]
            assert (told.llm[0].why, told.llm[0].warmup_ms is None) == ("", False)

    asyncio.run(main())
    # The voice was ready at the first attempt, and was left alone.
    assert [voice.warmups for voice in outside_waiting.made] == [1]
    assert "trying again" in caplog.text


def test_another_of_the_chain_is_enough_and_the_first_comes_back_without_a_call(
    profile_of: Callable[[str], ResolvedProfile],
) -> None:
    port = free_port()
    resolved = profile_of(f"llm: [{openai(port)}, {{use: outside}}]")
    import outside_waiting

    may_end = asyncio.Event()

    async def no_calls(self: object):  # type: ignore[no-untyped-def]
        await may_end.wait()
        return
        yield

    outside_waiting.Transport.connections = no_calls

    async def main() -> None:
        told = Told()
        async with asyncio.timeout(LIMIT_S), task_group() as group:
            serving = group.create_task(
                serve_calls(resolved, ModelStore(), on_warm=told.on_warm, on_health=told.health)
            )
            await told.until_states("broken", "ready")
            await told.until_warm()
            async with FakeServer(groq.app(), port=port):
                await told.until_states("ready", "ready")
                may_end.set()
                await serving

    asyncio.run(main())


def test_a_wrong_key_is_not_waited_for(profile_of: Callable[[str], ResolvedProfile]) -> None:
    async def main() -> None:
        async with FakeServer(groq.app(api_key="another")) as server:
            resolved = profile_of(f"llm: {openai(urlsplit(server.url).port or 0)}")
            with pytest.raises(EngineError, match="refuses the API key") as caught:
                await serve_calls(resolved, ModelStore(), on_health=lambda engines: None)
            assert not caught.value.retryable

    asyncio.run(main())
