"""How well both sides understand each other over a network that loses packets, with Opus's FEC and without it.

A spoken conversation goes through a relay that loses media at random, both ways, and delays the rest by 0 to 50 ms. The
microphone plays fixed questions and the agent gives fixed answers, so word error rates can be compared between runs:
`transcript` is of what the agent understood (against the questions), `answer` of what an independent recogniser
understands of the browser's recording (against the agent's text).
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml
from bench.browser.common import BENCH, free_udp_port, options, print_table, write_result
from tests.browser.support.call_page import CallPage, calling
from tests.browser.support.hearing import Listen, listener, spoken_parts, word_error_rate
from tests.browser.support.impairment import Impairment
from tests.browser.support.microphone import microphone_file
from tests.browser.support.recording import recordings, stats
from tests.browser.support.relay import ANNOUNCED_ADDRESS, relaying
from tests.browser.support.server import serving

from voicebot.audio import AudioChunk
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot_tts_piper import PiperConfig, PiperTTS

PROFILE = BENCH / "loss.yaml"
QUESTIONS = (
    "When is the library open on Saturday?",
    "Which platform does my train leave from this afternoon?",
    "What will the weather be like at the seaside tomorrow?",
    "Where can I buy some fresh bread near the station?",
    "Please remind me of the meeting with my sister.",
)
LEAD_S = 3.0
"""What connecting may take."""
ANSWER_S = 9.0
"""From a question's end to the next question."""
SEED = 1


def main() -> None:
    parser = options("loss", __doc__.partition("\n")[0])
    parser.add_argument("--losses", type=float, nargs="+", default=[0, 5, 10, 20], help="percent, each way")
    parser.add_argument("--jitter-ms", type=float, default=50)
    parser.add_argument("--questions", type=int, default=len(QUESTIONS), choices=range(1, len(QUESTIONS) + 1))
    settings = parser.parse_args()
    if settings.transport != "mediasoup":
        parser.error("only mediasoup has a port known before the call, where the relay can listen")
    rows = asyncio.run(measure(settings))
    columns = [name for name in rows[0] if name not in ("heard", "understood", "report")]
    print_table("Loss", [{name: row[name] for name in columns} for row in rows])
    write_result(settings.json, settings, {"rows": rows})


async def measure(settings: argparse.Namespace) -> list[dict[str, Any]]:
    questions = QUESTIONS[: settings.questions]
    with tempfile.TemporaryDirectory() as folder:
        spoken = await _speak(questions)
        parts = [part for question in spoken for part in (question, ANSWER_S)]
        microphone = microphone_file(Path(folder) / "questions.wav", LEAD_S, *parts)
        async with listener(ModelStore()) as listen:
            return [
                await _call(settings, microphone, loss, fec, listen)
                for loss in settings.losses
                for fec in (True, False)
            ]


async def _call(
    settings: argparse.Namespace, microphone: Path, loss: float, fec: bool, listen: Listen
) -> dict[str, Any]:
    port, seconds = free_udp_port(), _duration_s(microphone)
    up, down = (Impairment(SEED + side, loss=loss / 100, jitter_ms=settings.jitter_ms) for side in range(2))
    environ = {
        "VOICEBOT_TRANSPORT__RTC__ANNOUNCED_ADDRESS": ANNOUNCED_ADDRESS,
        "VOICEBOT_TRANSPORT__RTC__PORT": str(port),
        "VOICEBOT_TRANSPORT__RTC__MEDIA_WORKERS": "1",
        "VOICEBOT_TRANSPORT__OPUS__FEC": str(fec).lower(),
        "VOICEBOT_TRANSPORT__OPUS__EXPECTED_LOSS_PERCENT": str(round(loss)),
    }
    async with serving(PROFILE, environ) as server, relaying([port], up, down):
        async with calling(server.url, microphone) as (page, _):
            await page.wait_until(
                "seconds => __harness.microphone.some(r => r.samples > seconds * r.rate)",
                seconds,
                timeout_s=seconds + 60,
            )
            understood = await _user_texts(page)
            [heard] = await recordings(page.page)
            counted = (await stats(page.page)).inbound
        [report] = await server.reports()
    questions = " ".join(QUESTIONS[: settings.questions])
    answers = " ".join(yaml.safe_load(PROFILE.read_text())["llm"]["replies"][: settings.questions])
    texts = [
        await listen(
            heard.part(heard.started_ms + begin * 1000 - 200, heard.started_ms + end * 1000 + 200).audio
        )
        for begin, end in spoken_parts(heard.audio, pause_s=1.5)
    ]
    return {
        "loss %": loss,
        "FEC": "on" if fec else "off",
        "turns": len(report["turns"]),
        "transcript WER": word_error_rate(" ".join(understood), questions),
        "answer WER": word_error_rate(" ".join(texts), answers),
        "concealed %": _concealed_percent(counted),
        "lost down": counted.get("packetsLost"),
        "FEC down": counted.get("fecPacketsReceived"),
        "jitter buffer ms": _jitter_buffer_ms(counted),
        "dropped up": up.counters.dropped,
        "dropped down": down.counters.dropped,
        "heard": texts,
        "understood": understood,
        "report": report,
    }


async def _user_texts(page: CallPage) -> list[str]:
    lines = page.page.locator("#transcript li[data-role=user][data-final=true] .text")
    return [text.strip() for text in await lines.all_inner_texts()]


def _concealed_percent(counted: dict[str, Any]) -> float | None:
    """Of all samples played, those that the browser made up while there should have been sound."""
    total = counted.get("totalSamplesReceived")
    if not total:
        return None
    loud = float(counted["concealedSamples"]) - float(counted.get("silentConcealedSamples", 0))
    return 100 * loud / float(total)


def _jitter_buffer_ms(counted: dict[str, Any]) -> float | None:
    emitted = counted.get("jitterBufferEmittedCount")
    return 1000 * float(counted["jitterBufferDelay"]) / float(emitted) if emitted else None


def _duration_s(microphone: Path) -> float:
    return float(soundfile.info(microphone).duration)


async def _speak(texts: tuple[str, ...]) -> list[AudioChunk]:
    """In the agent's voice, without its random numbers: every run hears the same questions."""
    config = PiperConfig(noise_scale=0, noise_w=0)
    voice = PiperTTS(config, ProviderContext(models=ModelStore()))
    await voice.warmup()
    spoken = []
    for text in texts:
        pieces = [event async for event in voice.synthesize(text) if isinstance(event, AudioChunk)]
        spoken.append(AudioChunk(np.concatenate([p.samples for p in pieces]), pieces[0].sample_rate))
    await voice.aclose()
    return spoken


if __name__ == "__main__":
    main()
