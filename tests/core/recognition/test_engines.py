"""Both Whisper engines, with real weights on real speech."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voicebot.audio import AudioChunk, Samples
from voicebot.errors import EngineError, ModelMissing
from voicebot.interfaces import STT, InterimTranscript, ProviderContext
from voicebot.models import ModelStore
from voicebot.wav import read_wav
from voicebot_stt_fasterwhisper import FasterWhisperSTT
from voicebot_stt_whispercpp import WhisperCppSTT

RATE = 16_000
ENGINES = [(FasterWhisperSTT, "whisper-tiny.en-ct2"), (WhisperCppSTT, "whisper-tiny.en-ggml-q8_0")]
both_engines = pytest.mark.parametrize(("plugin", "model"), ENGINES, ids=["fasterwhisper", "whispercpp"])


def build(plugin: Any, store: ModelStore, language: str = "en", **config: object) -> STT:
    provider: STT = plugin(plugin.Config(**config), ProviderContext(store, threads=1, language=language))
    return provider


def use(provider: STT, test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        try:
            await provider.warmup()
            await test()
        finally:
            await provider.aclose()
            await provider.aclose()

    asyncio.run(main())


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


@pytest.fixture(scope="module")
def speech(model_store: ModelStore) -> Samples:
    recording = read_wav(model_store.path("sample-human-speech"))
    assert recording.sample_rate == RATE
    return recording.samples


@pytest.mark.engine
@both_engines
def test_a_human_is_understood_before_and_after_they_end(
    plugin: Any, model: str, model_store: ModelStore, speech: Samples
) -> None:
    provider = build(plugin, model_store, model=model, interim_interval_ms=1)

    async def test() -> None:
        interims: list[InterimTranscript] = []
        arrived = asyncio.Event()

        def on_interim(interim: InterimTranscript) -> None:
            interims.append(interim)
            arrived.set()

        utterance = provider.start(on_interim)
        for part in np.array_split(speech, 4):
            arrived.clear()
            utterance.push(AudioChunk(part, RATE))
            await arrived.wait()
        final = await utterance.finalize()
        count = len(interims)
        await utterance.aclose()
        heard = words(final.text)
        assert heard[:5] == ["and", "so", "my", "fellow", "americans"]
        assert (
            heard[-8:] == ["what", "you", "can", "do", "for", "your", "country"][-8:]
            or "country" in heard[-1]
        )
        assert final.audio_s == len(speech) / RATE
        assert final.language == "en"
        assert final.confidence is not None
        assert 0.5 < final.confidence <= 1
        lengths = [interim.audio_s for interim in interims]
        assert lengths == sorted(set(lengths))
        assert len(words(interims[0].text)) < len(words(interims[-1].text))
        assert words(interims[0].text)[:3] == ["and", "so", "my"]
        assert len(interims) == count

    use(provider, test)


@pytest.mark.engine
@both_engines
def test_nothing_is_made_up_for_silence_and_noise(plugin: Any, model: str, model_store: ModelStore) -> None:
    provider = build(plugin, model_store, "en-GB", model=model, interim_interval_ms=0)
    rng = np.random.default_rng(5)
    seconds = np.arange(2 * RATE) / RATE
    clips = {
        "silence": np.zeros(2 * RATE),
        "a fan": rng.normal(size=2 * RATE) * 300,
        "mains hum": np.sin(2 * np.pi * 50 * seconds) * 2000 + np.sin(2 * np.pi * 150 * seconds) * 900,
        "knocks": rng.normal(size=2 * RATE) * 9000 * np.exp(-(seconds % 0.5) * 60),
    }

    async def test() -> None:
        for name, clip in clips.items():
            utterance = provider.start(lambda interim: None)
            utterance.push(AudioChunk(clip.astype(np.int16), RATE))
            assert (await utterance.finalize()).text == "", name
            await utterance.aclose()

    use(provider, test)


@pytest.mark.engine
@both_engines
def test_cancelling_a_final_leaves_the_engine_usable(
    plugin: Any, model: str, model_store: ModelStore, speech: Samples
) -> None:
    provider = build(plugin, model_store, model=model, interim_interval_ms=0, context_final=1500)

    async def test() -> None:
        utterance = provider.start(lambda interim: None)
        utterance.push(AudioChunk(speech[: 3 * RATE], RATE))
        speculative = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(0)
        speculative.cancel()
        with pytest.raises(asyncio.CancelledError):
            await speculative
        assert words((await utterance.finalize()).text)[-2:] == ["fellow", "americans"]
        await utterance.aclose()

    use(provider, test)


@pytest.mark.engine
@both_engines
def test_a_decoder_says_whether_its_text_ended(
    plugin: Any, model: str, model_store: ModelStore, speech: Samples
) -> None:
    """The contract of `Decode` that the loop guard rests on."""
    provider: Any = build(plugin, model_store, model=model)

    async def test() -> None:
        capped = await asyncio.to_thread(provider._engine.decode, speech[: 4 * RATE], 768, 4)
        whole = await asyncio.to_thread(provider._engine.decode, speech[: 4 * RATE], 768, 30)
        assert not capped.complete
        assert whole.complete
        assert len(words(capped.text)) < 6
        assert words(whole.text)[: len(words(capped.text))] == words(capped.text)
        assert -1 < whole.logprob < 0

    use(provider, test)


@pytest.mark.engine
@both_engines
def test_a_prompt_teaches_the_spelling_of_a_name(
    plugin: Any, model: str, model_store: ModelStore, speech: Samples
) -> None:
    prompt = "Dear Amerikans, hello, my fellow Amerikans and Amerikans."
    provider = build(
        plugin, model_store, model=model, interim_interval_ms=0, context_final=768, initial_prompt=prompt
    )

    async def test() -> None:
        utterance = provider.start(lambda interim: None)
        utterance.push(AudioChunk(speech, RATE))
        assert "my fellow Amerikans" in (await utterance.finalize()).text
        await utterance.aclose()

    use(provider, test)


@pytest.mark.engine
@both_engines
def test_an_english_model_refuses_another_language(plugin: Any, model: str, model_store: ModelStore) -> None:
    with pytest.raises(EngineError, match="English only"):
        use(build(plugin, model_store, language="de-AT", model=model), asyncio.Event().wait)  # type: ignore[arg-type]


@both_engines
def test_a_model_that_is_none_is_an_error(plugin: Any, model: str, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model at all" * 100)
    place = tmp_path if plugin is FasterWhisperSTT else tmp_path / "model.bin"
    provider = build(plugin, ModelStore(tmp_path), model=str(place))
    with pytest.raises(EngineError, match="cannot be loaded"):
        asyncio.run(provider.warmup())


@both_engines
def test_a_missing_model_is_an_error(plugin: Any, model: str, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        asyncio.run(build(plugin, ModelStore(tmp_path), model=model).warmup())


@both_engines
def test_before_warmup_and_after_closing_nothing_is_transcribed(
    plugin: Any, model: str, tmp_path: Path
) -> None:
    async def main() -> None:
        provider = build(plugin, ModelStore(tmp_path), model=model)
        assert list(plugin.required_models(plugin.Config(model=model))) == [model]
        await provider.aclose()
        utterance = provider.start(lambda interim: None)
        utterance.push(AudioChunk(np.full(RATE, 1000, np.int16), RATE))
        with pytest.raises(EngineError, match="not running"):
            await utterance.finalize()
        await utterance.aclose()
        await provider.aclose()

    asyncio.run(main())
