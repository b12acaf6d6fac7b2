from __future__ import annotations

import numpy as np
import pytest

from voicebot.audio import to_float

pytest.importorskip("faster_whisper")

POSITIONS = 512
WINDOW = POSITIONS * 320


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize(
    "size", [0, 1, 2, 150, 201, 16_000, 47_999, WINDOW - 361, WINDOW - 200, WINDOW - 1, WINDOW, WINDOW + 5]
)
def test_it_computes_what_faster_whisper_does(bands: int, size: int) -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    from voicebot_stt_fasterwhisper.features import LogMel

    speech = (np.random.default_rng(size).normal(size=size) * 3000).astype(np.int16)
    window = np.zeros(WINDOW, np.float32)
    window[: min(size, WINDOW)] = to_float(speech[:WINDOW])
    expected = FeatureExtractor(feature_size=bands)(window, padding=0)
    found = LogMel(bands)(speech, POSITIONS)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, expected, atol=1e-5)
