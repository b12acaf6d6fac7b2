"""The echo check on voices in simulated rooms; bench/echo measures the same at length."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from bench.echo.cases import Case, Voices, draw_case
from bench.echo.evaluate import judge
from bench.echo.scenes import Path
from bench.echo.voices import speak_all

from voicebot.echo import IS_ECHO
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot_vad_silero import SileroConfig, SileroVAD

pytestmark = pytest.mark.engine

PATHS = (
    Path(delay_ms=60, level_db=-10, rt60_s=0.25, direct_db=5, noise_db=-25),
    Path(delay_ms=210, level_db=-25, rt60_s=0.35, direct_db=0, noise_db=-15, clip=0.5, drift_ppm=50),
    Path(delay_ms=430, level_db=-36, rt60_s=0.45, direct_db=3, noise_db=-20),
)


@pytest.fixture(scope="module")
def voices(model_store: ModelStore) -> tuple[Voices, Voices]:
    agents, users = asyncio.run(speak_all(model_store, ["espeak"]))
    return agents, {"human": users["human"]}


@pytest.fixture(scope="module")
def vad(model_store: ModelStore) -> Iterator[SileroVAD]:
    vad = SileroVAD(SileroConfig(), ProviderContext(model_store))
    asyncio.run(vad.warmup())
    yield vad
    asyncio.run(vad.aclose())


def draw(kind: str, voices: tuple[Voices, Voices]) -> list[Case]:
    return [
        draw_case(kind, *voices, np.random.default_rng([7, seed]), path, turns=2)
        for seed, path in enumerate(PATHS)
    ]


def test_an_echo_alone_is_flagged_from_the_start(voices: tuple[Voices, Voices], vad: SileroVAD) -> None:
    results = [judge(case, vad, IS_ECHO) for case in draw("echo", voices)]
    spoken = sum(result["speech"] for result in results)
    assert spoken > 400
    assert sum(result["flagged"] for result in results) > 0.98 * spoken
    assert not any(hold for result in results for hold in result["holds"])


def test_a_user_without_echo_is_not_flagged(voices: tuple[Voices, Voices], vad: SileroVAD) -> None:
    results = [judge(case, vad, IS_ECHO) for case in draw("user", voices)]
    spoken = sum(result["speech"] for result in results)
    assert spoken > 200
    assert sum(result["flagged"] for result in results) < 0.02 * spoken


def test_a_user_over_an_echo_is_heard_soon(voices: tuple[Voices, Voices], vad: SileroVAD) -> None:
    cases = draw("both", voices)
    assert all(len(case.onsets_s) == 2 for case in cases)
    extra = np.array([judge(case, vad, IS_ECHO)["extra_ms"] for case in cases])
    # The second turn is spoken over when the path is known; in the first one it has yet to be learnt.
    assert extra[:, 1].max() <= 150
    assert extra[:, 0].max() <= 400
