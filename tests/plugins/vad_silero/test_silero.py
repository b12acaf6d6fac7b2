from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voicebot.audio import Samples, to_float
from voicebot.errors import EngineError, ModelMissing
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot.wav import read_wav
from voicebot_vad_silero import SileroConfig, SileroStream, SileroVAD

WINDOW = 512


@pytest.fixture(scope="module")
def speech(model_store: ModelStore) -> Samples:
    samples = read_wav(model_store.path("sample-human-speech")).samples
    return samples[: len(samples) // WINDOW * WINDOW]


def with_vad(store: ModelStore, test: Callable[[SileroVAD], None], model: str = "silero-vad") -> None:
    async def main() -> None:
        vad = SileroVAD(SileroConfig(model=model), ProviderContext(store))
        try:
            await vad.warmup()
            test(vad)
        finally:
            await vad.aclose()
            await vad.aclose()

    asyncio.run(main())


def probabilities(stream: SileroStream, samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([stream.process(window) for window in samples.reshape(-1, WINDOW)])


@pytest.mark.engine
def test_probabilities_are_those_of_another_export(model_store: ModelStore, speech: Samples) -> None:
    """Recorded with silero_vad_16k_sequence.onnx of the silero-vad 6.2.3 wheel, which takes all windows in one call
    and keeps no state between calls: every 20th window of the recording.
    """
    recorded = [0.002, 0.982, 0.998, 0.999, 0.055, 0.011, 0.207, 0.032, 0.037]
    recorded += [1.0, 1.0, 1.0, 0.074, 1.0, 1.0, 1.0, 0.997, 0.074]

    def test(provider: SileroVAD) -> None:
        np.testing.assert_allclose(probabilities(provider.start(), speech)[::20], recorded, atol=2e-3)

    with_vad(model_store, test)


@pytest.mark.engine
def test_it_mostly_agrees_with_an_earlier_silero(model_store: ModelStore, speech: Samples) -> None:
    vad = pytest.importorskip("faster_whisper.vad")
    earlier = vad.get_vad_model()(to_float(speech)).ravel()

    def test(provider: SileroVAD) -> None:
        assert np.corrcoef(probabilities(provider.start(), speech), earlier)[0, 1] > 0.9

    with_vad(model_store, test)


@pytest.mark.engine
def test_it_is_the_silero_packages_silero(model_store: ModelStore, speech: Samples) -> None:
    torch = pytest.importorskip("torch", reason="silero-vad's own package needs torch")
    silero_vad = pytest.importorskip("silero_vad")
    model = silero_vad.load_silero_vad(onnx=True)
    expected = [model(torch.from_numpy(to_float(part)), 16000).item() for part in speech.reshape(-1, WINDOW)]

    def test(provider: SileroVAD) -> None:
        np.testing.assert_allclose(probabilities(provider.start(), speech), expected, atol=1e-5)

    with_vad(model_store, test)


@pytest.mark.engine
def test_speech_is_told_from_silence_and_noise(model_store: ModelStore, speech: Samples) -> None:
    rng = np.random.default_rng(2)
    length = 60 * WINDOW
    seconds = np.arange(length) / 16_000
    others = {
        "silence": np.zeros(length),
        "white noise": rng.normal(size=length) * 1000,
        "hum": np.sin(2 * np.pi * 50 * seconds) * 5000,
    }

    def test(vad: SileroVAD) -> None:
        assert np.mean(probabilities(vad.start(), speech) > 0.5) > 0.6
        for name, audio in others.items():
            assert probabilities(vad.start(), audio.astype(np.int16)).max() < 0.5, name

    with_vad(model_store, test)


@pytest.mark.engine
def test_streams_do_not_hear_each_other_and_forget_on_reset(model_store: ModelStore, speech: Samples) -> None:
    part = speech[: 40 * WINDOW]

    def test(vad: SileroVAD) -> None:
        alone = probabilities(vad.start(), part)
        one, two = vad.start(), vad.start()
        mixed = []
        for window in part.reshape(-1, WINDOW):
            mixed.append(one.process(window))
            two.process(window[::-1].copy())
        np.testing.assert_array_equal(mixed, alone)
        again = probabilities(one, part)
        assert not np.array_equal(again, alone)
        one.reset()
        np.testing.assert_array_equal(probabilities(one, part), alone)

    with_vad(model_store, test)


@pytest.mark.engine
def test_only_whole_windows_of_int16_are_taken(model_store: ModelStore) -> None:
    def test(vad: SileroVAD) -> None:
        stream = vad.start()
        for wrong in (
            np.zeros(480, np.int16),
            np.zeros((1, WINDOW), np.int16),
            np.zeros(WINDOW, np.float32),
            np.zeros(0, np.int16),
        ):
            with pytest.raises(ValueError, match="512 int16"):
                stream.process(wrong)  # type: ignore[arg-type]
        assert 0 <= stream.process(np.full(WINDOW, -32768, np.int16)) <= 1

    with_vad(model_store, test)


def test_another_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"not an ONNX file")
    with pytest.raises(EngineError, match="cannot be loaded"):
        with_vad(ModelStore(tmp_path), lambda vad: None, model=str(tmp_path / "no.onnx"))
    with pytest.raises(ModelMissing):
        with_vad(ModelStore(tmp_path), lambda vad: None)


@pytest.mark.engine
def test_another_network_is_an_error(model_store: ModelStore) -> None:
    with pytest.raises(EngineError, match="not Silero"):
        with_vad(model_store, lambda vad: None, model=str(model_store.path("smart-turn-v3.2")))


def test_before_warmup_there_is_no_stream(tmp_path: Path) -> None:
    vad = SileroVAD(SileroConfig(), ProviderContext(ModelStore(tmp_path)))
    assert list(SileroVAD.required_models(SileroConfig())) == ["silero-vad"]
    with pytest.raises(EngineError, match="not running"):
        vad.start()
    asyncio.run(vad.aclose())


def test_importing_the_plugin_does_not_import_the_engine() -> None:
    program = "import sys, voicebot_vad_silero; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=100).returncode == 0
