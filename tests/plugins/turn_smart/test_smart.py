from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from voicebot.audio import Samples
from voicebot.errors import EngineError, ModelMissing
from voicebot.interfaces import ProviderContext, TurnContext, TurnVerdict
from voicebot.models import ModelStore
from voicebot.wav import read_wav
from voicebot_turn_smart import SmartConfig, SmartTurn
from voicebot_turn_smart.model import Run, SmartTurnModel

SILENCE = TurnContext(np.zeros(8000, np.int16), "")


@pytest.fixture(scope="module")
def speech(model_store: ModelStore) -> Samples:
    return read_wav(model_store.path("sample-human-speech")).samples


def with_turn(
    store: ModelStore, test: Callable[[SmartTurn], Awaitable[None]], config: SmartConfig | None = None
) -> None:
    async def main() -> None:
        turn = SmartTurn(config or SmartConfig(), ProviderContext(store))
        try:
            await turn.warmup()
            await test(turn)
        finally:
            await turn.aclose()
            await turn.aclose()

    asyncio.run(main())


@pytest.mark.engine
def test_probabilities_are_pipecats(model_store: ModelStore, speech: Samples) -> None:
    """Recorded with pipecat-ai 1.14.0's features and its file on onnxruntime, cut as its code does, after: "And so, my
    fellow Americans", "ask", "ask not what your country can do for you", "ask what you can do for your country".
    """
    recorded = {2.3: 0.7858, 3.9: 0.0064, 7.75: 0.0340, 10.63: 0.9740}

    async def test(turn: SmartTurn) -> None:
        for end_s, expected in recorded.items():
            verdict = await turn.predict(TurnContext(speech[: int(end_s * 16_000)], ""))
            assert verdict.probability == pytest.approx(expected, abs=0.02), end_s

    with_turn(model_store, test)


@pytest.mark.engine
def test_the_end_of_the_speech_ends_the_turn_sooner_than_a_pause_in_it(
    model_store: ModelStore, speech: Samples
) -> None:
    config = SmartConfig(
        sure_delay_ms=150, likely_delay_ms=250, maybe_delay_ms=350, unsure_delay_ms=900, again_ms=180
    )

    async def test(turn: SmartTurn) -> None:
        pause = await turn.predict(TurnContext(speech[: int(3.9 * 16_000)], ""))
        end = await turn.predict(TurnContext(speech[: int(10.63 * 16_000)], ""))
        assert (pause.delay_ms, pause.again_ms) == (900, 180)
        assert (end.delay_ms, end.again_ms) == (250, 180)
        with_words = await turn.predict(TurnContext(speech[: int(3.9 * 16_000)], "We ask."))
        assert with_words.delay_ms == 350

    with_turn(model_store, test, config)


@pytest.mark.engine
def test_the_language_of_the_words_is_the_calls(model_store: ModelStore) -> None:
    async def main() -> TurnVerdict:
        turn = SmartTurn(SmartConfig(sure=1, unsure=1), ProviderContext(model_store, language="hi"))
        await turn.warmup()
        return await turn.predict(TurnContext(SILENCE.audio, "मैं घर जा रहा हूँ।"))

    assert asyncio.run(main()).delay_ms == SmartConfig().maybe_delay_ms


@pytest.mark.engine
@pytest.mark.parametrize(("wanted", "share", "used"), [(4, 2, 2), (1, 2, 1), (2, 0, 1)])
def test_threads_are_the_smaller_of_two_shares(
    model_store: ModelStore, monkeypatch: pytest.MonkeyPatch, wanted: int, share: int, used: int
) -> None:
    seen: list[int] = []

    class Watched(SmartTurnModel):
        def __init__(self, file: Path, threads: int) -> None:
            seen.append(threads)
            super().__init__(file, threads)

    monkeypatch.setattr("voicebot_turn_smart.provider.SmartTurnModel", Watched)
    asyncio.run(SmartTurn(SmartConfig(threads=wanted), ProviderContext(model_store, threads=share)).warmup())
    assert seen == [used]


@pytest.mark.engine
def test_a_cancelled_verdict_stops_and_the_next_one_comes(
    model_store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, stopped, ended = threading.Event(), threading.Event(), threading.Event()
    call, stop = Run.__call__, Run.stop

    def held(run: Run, audio: Samples) -> float:
        began.set()
        assert stopped.wait(60)
        try:
            return call(run, audio)
        except EngineError:
            ended.set()
            raise

    def stopping(run: Run) -> None:
        stop(run)
        stopped.set()

    async def test(turn: SmartTurn) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Run, "__call__", held)
            patch.setattr(Run, "stop", stopping)
            asking = asyncio.create_task(turn.predict(SILENCE))
            await asyncio.to_thread(began.wait, 60)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert await asyncio.to_thread(ended.wait, 60), "the run went on"
        assert (await turn.predict(SILENCE)).probability is not None

    with_turn(model_store, test)


@pytest.mark.engine
def test_closing_lets_a_verdict_in_progress_finish(model_store: ModelStore) -> None:
    async def test(turn: SmartTurn) -> None:
        asking = asyncio.create_task(turn.predict(SILENCE))
        await asyncio.sleep(0)
        await turn.aclose()
        assert (await asking).probability is not None
        with pytest.raises(EngineError, match="not running"):
            await turn.predict(SILENCE)

    with_turn(model_store, test)


@pytest.mark.engine
def test_a_failure_of_the_network_is_an_engine_error(
    model_store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebot_turn_smart.model.log_mel", lambda audio: np.zeros((80, 7), np.float32))

    with pytest.raises(EngineError, match="end-of-turn model failed"):
        asyncio.run(SmartTurn(SmartConfig(), ProviderContext(model_store)).warmup())


def test_another_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"not an ONNX file")
    with pytest.raises(EngineError, match=r"cannot be loaded") as caught:
        warm_up(ModelStore(tmp_path), str(tmp_path / "no.onnx"))
    assert "models pull smart-turn-v3.2" in str(caught.value)


def test_a_missing_model_is_an_error_that_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"models pull smart-turn-v3\.2"):
        warm_up(ModelStore(tmp_path), "smart-turn-v3.2")


@pytest.mark.engine
def test_another_network_is_an_error(model_store: ModelStore) -> None:
    with pytest.raises(EngineError, match=r"not Smart Turn 3: it takes .*sr"):
        warm_up(model_store, "silero-vad")


def warm_up(store: ModelStore, model: str) -> None:
    asyncio.run(SmartTurn(SmartConfig(model=model), ProviderContext(store)).warmup())


def test_before_warmup_there_is_no_verdict(tmp_path: Path) -> None:
    turn = SmartTurn(SmartConfig(), ProviderContext(ModelStore(tmp_path)))
    assert list(SmartTurn.required_models(SmartConfig())) == ["smart-turn-v3.2"]
    with pytest.raises(EngineError, match="not running"):
        asyncio.run(turn.predict(SILENCE))
    asyncio.run(turn.aclose())


def test_importing_the_plugin_does_not_import_the_engine() -> None:
    program = "import sys, voicebot_turn_smart; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=100).returncode == 0
