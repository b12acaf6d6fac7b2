"""Calls over the wav transport, and the traces that a collector gets of them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.plugins.hooks_opentelemetry.collector import Collector, Seen, collecting

import voicebot_hooks_opentelemetry
from voicebot.call import hold_call
from voicebot.errors import VoicebotError
from voicebot.hooks import HookManager
from voicebot.models import ModelStore
from voicebot.profile import load_profile, resolve
from voicebot.report import CallReport
from voicebot.testing import run_virtual, tone
from voicebot.timeline import HOPS

SCRIPTED = Path(__file__).parents[2] / "support" / "scripted_plugins"
RATE = 16_000
PROFILE = """
vad: scripted
stt: scripted
llm: {use: scripted, fail_on_text: weather}
tts: scripted
turn: {use: silence, delay_ms: 300}
transport: {use: wav, input: in.wav, output: out.wav}
speculation: {enabled: false}
interruption: {echo_check: false}
"""
SAFETY_S = 60.0
TENTH_NS = 200_000
"""The report has tenths of a millisecond; a duration is the difference of two."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profile, and a user who asks, asks something that the model fails on, asks, and breaks in on the answer."""
    monkeypatch.syspath_prepend(str(SCRIPTED))
    quiet, question = np.zeros(RATE * 6, np.int16), tone(1.0)
    barge_in = [question, np.zeros(RATE * 2, np.int16), tone(2.0)]
    soundfile.write(tmp_path / "in.wav", np.concatenate([question, quiet] * 2 + barge_in + [quiet]), RATE)
    (tmp_path / "traced.yaml").write_text(PROFILE)
    return tmp_path


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        yield collector


def hold(folder: Path) -> CallReport:
    hooks = HookManager()
    plugin = voicebot_hooks_opentelemetry.plugin()
    assert plugin is not None
    hooks.register(plugin, "otel")
    try:
        resolved = resolve(load_profile(folder / "traced.yaml", environ={}))
        return run_virtual(hold_call(resolved, ModelStore(), hooks=hooks))
    finally:
        hooks.close(SAFETY_S)


def assert_timed(span: Seen, since_ns: int, begin_ms: float, end_ms: float) -> None:
    assert span.proto.start_time_unix_nano - since_ns == pytest.approx(begin_ms * 1e6, abs=TENTH_NS)
    assert span.proto.end_time_unix_nano - since_ns == pytest.approx(end_ms * 1e6, abs=TENTH_NS)


def test_a_call_is_a_trace_with_the_times_of_its_timeline(
    folder: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "hotline")
    before_ns = time.time_ns()
    report = hold(folder).as_dict()
    after_ns = time.time_ns()
    [call] = collector.trees()
    assert {span.service for span in collector.spans} == {"hotline"}
    assert len({span.proto.trace_id for span in collector.spans}) == 1
    assert call.name == "call"
    assert call.attributes["voicebot.call.id"] == report["call"]["id"]
    assert call.attributes["voicebot.profile"] == "traced"
    assert call.attributes["voicebot.engine.llm"] == ["scripted"]
    assert call.attributes["voicebot.engine.turn"] == ["silence"]
    assert call.attributes["voicebot.call.turns"] == len(report["turns"])
    assert call.attributes["voicebot.call.interruptions"] == 1
    began_ns = call.proto.start_time_unix_nano
    assert before_ns - 1_000_000 < began_ns < after_ns
    origin_ns = began_ns + round(report["call"]["warmup_ms"] * 1e6)
    assert_timed(call, origin_ns, -report["call"]["warmup_ms"], report["call"]["duration_ms"])

    turns: dict[int, dict[str, Any]] = {turn["turn"]: turn for turn in report["turns"]}
    spans = {span.attributes["voicebot.turn.id"]: span for span in call.children if not is_apology(span)}
    assert len(turns) >= 3
    assert {span.name for span in call.children} == {"turn"}
    for number, turn in turns.items():
        span, stamps = spans[number], turn["timeline_ms"]
        assert span.attributes["voicebot.turn.ended"] == turn["ended"]
        assert span.attributes["voicebot.turn.interrupted"] == (turn["ended"] == "interrupted")
        assert span.attributes.get("voicebot.voice_to_voice_ms") == turn["voice_to_voice_ms"]
        assert {child.name for child in span.children} == {name for name in turn["hops_ms"] if name in HOPS}
        for name, (begin, end) in HOPS.items():
            if name in turn["hops_ms"]:
                assert_timed(span.child(name), origin_ns, stamps[begin], stamps[end])
    whole = spans[1]
    assert {child.name for child in whole.children} == set(HOPS)
    assert whole.attributes["voicebot.turn.committed"] is True
    assert whole.child("tts_ttfa").attributes["voicebot.engine"] == ["scripted"]
    stamps = turns[1]["timeline_ms"]
    assert_timed(whole, origin_ns, stamps["speech_ended"], stamps["playout_finished"])


def is_apology(span: Seen) -> bool:
    """It has the number of the turn that it apologises for, and no model was asked."""
    return bool(span.attributes["voicebot.turn.ended"] == "finished" and not span.children)


def test_failures_and_interruptions_are_events_of_their_turn(folder: Path, collector: Collector) -> None:
    report = hold(folder).as_dict()
    [call] = collector.trees()
    assert [turn["ended"] for turn in report["turns"][:3]] == ["finished", "failed", "interrupted"]
    by_end = {span.attributes["voicebot.turn.ended"]: span for span in call.children}
    failed, interrupted = by_end["failed"], by_end["interrupted"]
    assert failed.failed
    assert failed.proto.status.message == "told to fail"
    assert failed.events["provider_failed"]["voicebot.kind"] == "llm"
    assert failed.events["provider_failed"]["voicebot.plugin"] == "scripted"
    assert failed.events["provider_failed"]["voicebot.message"] == "told to fail"
    assert interrupted.events["interruption_judged"]["voicebot.interrupted"] is True
    assert not interrupted.failed
    assert call.failed


@pytest.mark.parametrize("wanted", [False, True])
def test_what_was_said_is_in_it_on_request(
    wanted: bool, folder: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOT_OTEL_TRANSCRIPTS", "1" if wanted else "0")
    hold(folder)
    held = b"".join(span.proto.SerializeToString() for span in collector.spans)
    assert (b"What time is it?" in held) == wanted
    assert (b"quarter past four" in held) == wanted


def test_a_collector_that_is_not_there_costs_no_call(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with collecting() as gone:
        pass
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", gone.address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    report = hold(folder)
    assert report.turns[0].reason == "finished"
    assert any("opentelemetry" in record.name for record in caplog.records)


def test_without_a_collector_nothing_is_done_nor_imported() -> None:
    code = (
        "import sys; from voicebot_hooks_opentelemetry import plugin\n"
        "assert plugin({}) is plugin({'OTEL_EXPORTER_OTLP_ENDPOINT': ' '}) is None\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=SAFETY_S)


@pytest.mark.parametrize(
    "more",
    [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}],
    ids=lambda more: next(iter(more)),
)
def test_the_standards_own_switches_turn_it_off(more: dict[str, str]) -> None:
    environ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9"} | more
    assert voicebot_hooks_opentelemetry.plugin(environ) is None


def test_without_opentelemetry_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "voicebot_hooks_opentelemetry.exporting", None)
    with pytest.raises(VoicebotError, match=r"pip install 'voicebot-kit\[otel\]'"):
        voicebot_hooks_opentelemetry.plugin({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
