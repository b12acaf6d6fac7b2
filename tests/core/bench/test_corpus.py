"""The recipe with its real engines: what is made is what the scenarios say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from voicebot import plugins
from voicebot.audio import Samples, to_float
from voicebot.bench.corpus import build_scenarios
from voicebot.bench.corpus.levels import active_dbfs, pauses_in, speech_bounds
from voicebot.bench.corpus.plan import counts
from voicebot.bench.scenario import BENCH_RATE, Scenario
from voicebot.errors import ExtraNotInstalled, ModelMissing
from voicebot.models import ModelStore

pytestmark = pytest.mark.engine
SIZE = 14


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def scenarios(model_store: ModelStore, cache_dir: Path) -> list[Scenario]:
    told: list[tuple[int, int]] = []
    made = build_scenarios(
        seed=7,
        size=SIZE,
        models=model_store,
        cache_dir=cache_dir,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, len(told)) for done in range(1, len(told) + 1)]
    assert len(told) >= SIZE
    return made


def audio(scenario: Scenario) -> list[Samples]:
    samples = [scenario.turn.audio]
    if scenario.barge is not None:
        samples.append(scenario.barge.audio)
    if scenario.noise is not None:
        samples.append(scenario.noise)
    return samples


def assert_same(one: list[Scenario], other: list[Scenario]) -> None:
    assert [scenario.name for scenario in one] == [scenario.name for scenario in other]
    for a, b in zip(one, other, strict=True):
        assert (a.turn.text, a.turn.voice, a.turn.pauses) == (b.turn.text, b.turn.voice, b.turn.pauses)
        for mine, yours in zip(audio(a), audio(b), strict=True):
            np.testing.assert_array_equal(mine, yours)


def test_every_kind_is_there(scenarios: list[Scenario]) -> None:
    kinds = Counter(one.turn.kind if one.barge is None else one.barge.kind for one in scenarios)
    assert kinds == counts(SIZE)


def test_turns_are_speech_from_the_first_sample_to_the_last(scenarios: list[Scenario]) -> None:
    for one in scenarios:
        turn = one.turn
        assert turn.audio.dtype == np.int16
        assert 0.6 < len(turn.audio) / BENCH_RATE < 11
        assert (turn.speech_start_s, turn.speech_end_s) == (0.0, len(turn.audio) / BENCH_RATE)
        assert -28 < active_dbfs(turn.audio) < -18
        bounds = speech_bounds(turn.audio)
        assert bounds is not None
        # Trimming moved the edges of the rule's 10 ms frames.
        assert bounds[0] < 0.02 * BENCH_RATE
        assert bounds[1] > len(turn.audio) - 0.02 * BENCH_RATE
        # About as long as it takes to say that.
        words = len(turn.text.replace("-", " ").split())
        assert (
            0.1
            < (len(turn.audio) / BENCH_RATE - sum(pause.duration_s for pause in turn.pauses)) / words
            < 0.8
        )


def test_pauses_are_where_they_are_said_to_be(scenarios: list[Scenario]) -> None:
    paused = [one.turn for one in scenarios if one.turn.kind in ("pause", "filler")]
    assert len(paused) >= 2
    for turn in paused:
        assert turn.pauses
        assert max(pause.duration_s for pause in turn.pauses) >= 0.29
    for one in scenarios:
        if "human" in one.turn.voice:
            continue  # its pauses hold the noise of its room
        for pause in pauses_in(one.turn.audio):
            # All that the rule finds is told; what was put in may be a little shorter than what the rule finds.
            assert any(
                abs(told.start_s - pause.start_s) < 0.03 and abs(told.end_s - pause.end_s) < 0.03
                for told in one.turn.pauses
            )
        for told in one.turn.pauses:
            start, end = round(told.start_s * BENCH_RATE), round(told.end_s * BENCH_RATE)
            assert np.abs(to_float(one.turn.audio[start:end])).max() < 0.03


def test_noise_is_as_loud_as_it_is_said_to_be(scenarios: list[Scenario]) -> None:
    noisy = [one for one in scenarios if one.noise is not None]
    assert noisy
    for one in noisy:
        assert one.noise is not None
        noise_dbfs = 10 * np.log10(np.mean(np.square(to_float(one.noise).astype(float))))
        assert active_dbfs(one.turn.audio) - noise_dbfs == pytest.approx(one.turn.snr_db, abs=0.2)
    assert all(one.turn.snr_db is None for one in scenarios if one.noise is None)


def test_what_is_said_over_the_agent(scenarios: list[Scenario]) -> None:
    for one in scenarios:
        if one.barge is None:
            continue
        length_s = len(one.barge.audio) / BENCH_RATE
        assert (one.barge.speech_start_s, one.barge.speech_end_s) == (0.0, length_s)
        assert bool(one.barge.text) == (one.barge.kind in ("interruption", "backchannel"))
        if one.barge.kind == "echo":
            assert length_s == 0
            assert one.echo_gain_db is not None
        else:
            shortest, longest = {"interruption": (0.7, 3.5), "backchannel": (0.1, 1.2), "cough": (0.05, 1.3)}[
                one.barge.kind
            ]
            assert shortest < length_s < longest


def test_what_was_kept_is_taken(scenarios: list[Scenario], model_store: ModelStore, cache_dir: Path) -> None:
    def never(done: int, total: int) -> None:
        raise AssertionError("it was made again")

    kept = build_scenarios(seed=7, size=SIZE, models=model_store, cache_dir=cache_dir, progress=never)
    assert_same(kept, scenarios)


def test_what_was_damaged_is_made_again_and_is_the_same(
    scenarios: list[Scenario], model_store: ModelStore, cache_dir: Path
) -> None:
    (file,) = cache_dir.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    again = build_scenarios(seed=7, size=SIZE, models=model_store, cache_dir=cache_dir)
    assert_same(again, scenarios)
    assert file.read_bytes() == whole


def test_without_piper(tmp_path: Path, model_store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_importable", lambda module: module != "piper")
    with pytest.raises(ExtraNotInstalled) as caught:
        build_scenarios(seed=7, size=SIZE, models=model_store, cache_dir=tmp_path)
    assert caught.value.hint == "Run: pip install 'voicebot-kit[piper]'"


def test_without_pipers_voice(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        build_scenarios(seed=7, size=SIZE, models=ModelStore(tmp_path / "models"), cache_dir=tmp_path)
    assert "voicebot models pull piper-en_US-joe-medium" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
