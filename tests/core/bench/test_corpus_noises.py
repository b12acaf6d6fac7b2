"""Coughs and backgrounds."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.audio import Samples, to_float
from voicebot.bench.corpus.clips import Clip, finished
from voicebot.bench.corpus.levels import active_dbfs
from voicebot.bench.corpus.noises import COUGHS, babble, background, coughing, street
from voicebot.bench.scenario import BENCH_RATE


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def dbfs(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(to_float(samples).astype(float)))))


def voice(seed: int) -> Samples:
    """Bursts of noise with gaps between them."""
    noise = rng(seed).standard_normal(2 * BENCH_RATE) * (np.arange(2 * BENCH_RATE) // 4000 % 2)
    return (noise * 3000).astype(np.int16)


@pytest.mark.parametrize("what", sorted(COUGHS))
def test_coughs_are_short_and_audible_and_the_seed_decides(what: str) -> None:
    for seed in range(10):
        samples = finished(Clip(coughing(what, rng(seed))), -23).samples
        assert 0.05 < len(samples) / BENCH_RATE < 1.3
        assert -30 < active_dbfs(samples) < -22.5
        np.testing.assert_array_equal(coughing(what, rng(seed)), coughing(what, rng(seed)))
        assert not np.array_equal(coughing(what, rng(seed)), coughing(what, rng(seed + 1)))


@pytest.mark.parametrize("snr_db", [10, 20])
@pytest.mark.parametrize("what", ["babble", "street"])
def test_a_background_has_the_snr_that_was_asked_for(what: str, snr_db: float) -> None:
    loop = street(rng(), 5) if what == "street" else babble([voice(seed) for seed in range(4)], rng(), 5)
    speech = voice(9)
    noise = background(loop, speech, snr_db)
    assert len(noise) == 5 * BENCH_RATE
    assert active_dbfs(speech) - dbfs(noise) == pytest.approx(snr_db, abs=0.2)
    # And nowhere is it silent, or much louder than elsewhere.
    seconds = [dbfs(second) for second in noise.reshape(5, -1)]
    assert max(seconds) - min(seconds) < 6


@pytest.mark.parametrize("what", ["babble", "street"])
def test_a_background_loops_without_a_seam(what: str) -> None:
    loop = street(rng(), 2) if what == "street" else babble([voice(seed) for seed in range(4)], rng(), 2)
    steps = np.abs(np.diff(loop.astype(int)))
    assert abs(int(loop[0]) - int(loop[-1])) <= steps.max()


def test_a_street_is_mostly_low() -> None:
    spectrum = np.abs(np.fft.rfft(street(rng(), 4))) ** 2
    low, high = spectrum[4 * 50 : 4 * 500].mean(), spectrum[4 * 2000 : 4 * 8000].mean()
    assert low > 30 * high
