"""What operators are shown of several workers' engines."""

from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from voicebot.health import EngineHealth
from voicebot.interfaces import Operations as Shown
from voicebot.supervising.operations import Operations

VAD = EngineHealth("vad", "silero", "ready", warmup_ms=80.0)
GROQ = EngineHealth("llm", "groq", "ready", warmup_ms=210.5)
GROQ_DOWN = EngineHealth("llm", "groq", "broken", "open", "it cannot be reached", 190.0)
LLAMA = EngineHealth("llm", "llamacpp", "ready", warmup_ms=900.0)
LLAMA_DOWN = EngineHealth("llm", "llamacpp", "broken", why="no memory")
LOADING = EngineHealth("llm", "groq", "warming")


def value(operations: Operations, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(operations.metrics()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None


def test_nothing_is_known_at_first() -> None:
    operations: Shown = Operations()
    assert (operations.obstacle(), operations.engines()) == ("", [])


@pytest.mark.parametrize(
    ("workers", "obstacle"),
    [
        # Of warm workers one that can answer is enough.
        ([(True, [VAD, GROQ_DOWN]), (True, [VAD, GROQ])], ""),
        ([(True, [VAD, GROQ_DOWN, LLAMA])], ""),
        ([(True, [VAD, GROQ_DOWN])], "no llm engine works: groq: it cannot be reached"),
        (
            [(True, [VAD, GROQ_DOWN, LLAMA_DOWN]), (True, [VAD, GROQ_DOWN])],
            "no llm engine works: groq: it cannot be reached; llamacpp: no memory",
        ),
        # One that is not warm takes no calls, whatever it says.
        ([(True, [VAD, GROQ_DOWN]), (False, [VAD, GROQ])], "no llm engine works: groq: it cannot be reached"),
        ([(True, [VAD, GROQ]), (False, [VAD, GROQ_DOWN])], ""),
        # Where none is warm, what they wait for is the reason; that they load is not for us to say.
        (
            [(False, [VAD, LOADING]), (False, [VAD, GROQ_DOWN])],
            "no llm engine works: groq: it cannot be reached",
        ),
        ([(False, [VAD, LOADING])], ""),
        ([(False, [VAD, GROQ_DOWN, LOADING])], ""),
    ],
)
def test_the_obstacle(workers: list[tuple[bool, list[EngineHealth]]], obstacle: str) -> None:
    operations = Operations()
    for number, (warm, engines) in enumerate(workers):
        operations.healthy(number, engines)
        if warm:
            operations.warm(number)
    assert operations.obstacle() == obstacle


def test_engines_are_summed_over_the_workers_in_the_profiles_order() -> None:
    operations = Operations()
    operations.healthy(0, [VAD, GROQ_DOWN, LLAMA])
    operations.healthy(1, [VAD, GROQ, LLAMA])
    operations.healthy(2, [VAD, LOADING, LLAMA])
    vad, groq, llama = operations.engines()
    assert (vad["kind"], vad["plugin"], vad["state"]) == ("vad", "silero", "ready")
    assert groq == {
        "kind": "llm",
        "plugin": "groq",
        "state": "ready",
        "workers": {"ready": 1, "warming": 1, "broken": 1},
        "breakers": {"closed": 2, "half_open": 0, "open": 1},
        "why": "it cannot be reached",
        "warmup_ms": 210.5,
    }
    assert llama["workers"] == {"ready": 3, "warming": 0, "broken": 0}
    json.dumps(operations.engines(), allow_nan=False)
    assert value(operations, "voicebot_engines", kind="llm", plugin="groq", state="broken") == 1
    assert value(operations, "voicebot_breakers", kind="llm", plugin="groq", state="open") == 1
    assert value(operations, "voicebot_engine_errors_total", kind="llm", plugin="groq") == 0

    for number in range(3):
        operations.gone(number)
    operations.gone(7)
    assert operations.engines() == []
    assert value(operations, "voicebot_engines", kind="llm", plugin="groq", state="broken") is None
    assert value(operations, "voicebot_engine_errors_total", kind="llm", plugin="groq") == 0


def test_one_that_is_broken_here_and_loading_there_is_broken() -> None:
    operations = Operations()
    operations.healthy(0, [GROQ_DOWN])
    operations.healthy(1, [LOADING])
    assert operations.engines()[0]["state"] == "broken"


def test_a_plugin_that_a_chain_names_twice_is_one_series() -> None:
    operations = Operations()
    operations.healthy(0, [GROQ, GROQ_DOWN])
    assert [one["state"] for one in operations.engines()] == ["ready", "broken"]
    text = operations.metrics()
    assert text.count('voicebot_engines{kind="llm",plugin="groq",state="ready"} 1.0') == 1


def test_a_further_call_is_one_too_many_where_the_machine_is_busy() -> None:
    operations = Operations(min_idle=0.1)
    assert value(operations, "voicebot_idle_ratio") is None
    operations.headroom.measured(0.0312)
    assert value(operations, "voicebot_idle_ratio") == 0.03
    assert operations.busy() == ""
    operations.calls_on = 1
    assert operations.busy() == "the machine is busy: 3% of its CPU is idle (pool.min_idle: 0.1)"
    # It is no reason against a caller where nobody is: others than us are busy then.
    assert operations.obstacle() == ""
