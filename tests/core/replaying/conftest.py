"""A call of three questions among scripted engines, the second and the third in the middle of an answer; on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.support.running import PLUGINS

from voicebot.audio import AudioChunk
from voicebot.call import hold_call
from voicebot.models import ModelStore
from voicebot.profile import ResolvedProfile, load_profile, resolve
from voicebot.replaying import Recording, Taping, read_recording
from voicebot.report import CallReport
from voicebot.testing import run_virtual, tone
from voicebot.wav import write_wav

PROFILE = """
vad: {vad}
stt: scripted
llm: {llm}
tts: scripted
turn: {{use: silence, delay_ms: 300}}
transport: {{use: wav, input: in.wav, output: out.wav}}
speculation: {{enabled: false}}
interruption: {{echo_check: false}}  # all voices are tones here
agent: {{greeting: "Hello.", system_prompt: '{prompt}'}}
"""

Record = Callable[..., tuple[Path, CallReport]]
Profiled = Callable[..., ResolvedProfile]


@pytest.fixture(scope="package")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Profiled]:
    """A profile among scripted engines, in a folder of its own with the user's sound in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PLUGINS))

        def make(
            llm: str = "scripted",
            more: str = "",
            vad: str = "scripted",
            prompt: str = "You are a clerk.",
            **environ: str,
        ) -> ResolvedProfile:
            folder = tmp_path_factory.mktemp("profile")
            (folder / "agent.yaml").write_text(PROFILE.format(llm=llm, vad=vad, prompt=prompt) + more)
            pause = [np.zeros(round(16_000 * s), np.int16) for s in (1.5, 3.2, 3.5, 2.0)]
            said = [tone(1.2), tone(1.5), tone(1.0)]
            user = [pause[0], said[0], pause[1], said[1], pause[2], said[2], pause[3]]
            write_wav(folder / "in.wav", AudioChunk(np.concatenate(user), 16_000))
            return resolve(load_profile(str(folder / "agent.yaml"), environ=environ))

        yield make


@pytest.fixture(scope="package")
def record(profiled: Profiled) -> Record:
    """Holds a call on the virtual clock and records it."""

    def hold(*args: str, **more: str) -> tuple[Path, CallReport]:
        resolved = profiled(*args, **more)
        folder = resolved.profile.base_dir
        problems: list[str] = []
        taping = Taping(folder / "call.vbcall", on_problem=problems.append)
        report = run_virtual(hold_call(resolved, ModelStore(base_dir=folder), taping=taping))
        assert problems == []
        return taping.path, report

    return hold


@pytest.fixture(scope="package")
def call(record: Record) -> tuple[Path, CallReport]:
    """The call that most tests look at."""
    return record()


@pytest.fixture
def recording(call: tuple[Path, CallReport]) -> Recording:
    return read_recording(call[0])
