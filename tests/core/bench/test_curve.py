from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.bench.curve import Curve, Point, curves, measured, wait_ms
from voicebot.bench.plot import check_plot, plot_curves, plot_latency
from voicebot.bench.reading import parse_run, read_run
from voicebot.errors import VoicebotError


def verdict(at_ms: float, delay_ms: float) -> dict[str, Any]:
    return {"at_ms": at_ms, "delay_ms": delay_ms, "probability": 0.5}


def turn(
    *inside: tuple[float, float], last_ms: float = 200, lag_ms: float = 50, **values: Any
) -> dict[str, Any]:
    """A turn with pauses inside (how long they lasted, what the model would wait) and its end."""
    pauses = [
        {"true_end": False, "lasted_ms": lasted, "delay_ms": delay, "verdicts": [verdict(40, delay)]}
        for lasted, delay in inside
    ]
    pauses.append(
        {"true_end": True, "lasted_ms": None, "delay_ms": last_ms, "verdicts": [verdict(40, last_ms)]}
    )
    timing = {"lag_ms": lag_ms, "waited_ms": last_ms, "ready_ms": 250.0, "serial_ms": 230.0, "rest_ms": 20.0}
    latency = lag_ms + max(last_ms, 250.0) + 20
    plain = {
        "cut_off": False,
        "has_long_pause": False,
        "voice_to_voice_ms": latency,
        "timing": timing,
        "pauses": pauses,
    }
    return plain | values


def by_label(turns: list[dict[str, Any]]) -> dict[str, dict[float, Point]]:
    return {curve.label: {point.setting: point for point in curve.points} for curve in curves(turns)}


def test_a_fixed_delay_cuts_off_whoever_pauses_longer_and_makes_all_wait() -> None:
    points = by_label([turn((600, 1000)), turn()])["silence"]
    assert points[500] == Point(500, 0.5, 50 + 500 + 230 + 20)
    assert points[600].cut_off_rate == 0
    assert points[600].voice_to_voice_median_ms == 50 + 600 + 230 + 20


def test_the_model_s_delays_are_scaled_and_speculation_hides_the_work() -> None:
    turns = [turn((600, 1000)), turn(last_ms=300)]
    found = by_label(turns)
    # The factor nearest to 1: both turns keep their own delays.
    factor = min(found["smart"], key=lambda f: abs(f - 1))
    serial, speculating = found["smart"][factor], found["smart, speculating"][factor]
    assert serial.cut_off_rate == speculating.cut_off_rate == 0
    waits = (200 * factor, 300 * factor)
    assert serial.voice_to_voice_median_ms == pytest.approx(sum(50 + wait + 230 + 20 for wait in waits) / 2)
    assert speculating.voice_to_voice_median_ms == pytest.approx(
        sum(50 + max(wait, 250) + 20 for wait in waits) / 2
    )
    low = min(found["smart"])
    assert found["smart"][low].cut_off_rate == 0.5


def test_with_speculation_a_turn_waits_for_its_transcript() -> None:
    quick = turn((300, 100))
    quick["pauses"][0]["text_ms"] = 350.0
    found = by_label([quick])
    low = min(found["smart"])
    assert found["smart"][low].cut_off_rate == 1
    assert found["smart, speculating"][low].cut_off_rate == 0


def test_where_every_turn_is_cut_off_there_is_no_latency() -> None:
    assert by_label([turn((3000, 100))])["silence"][100] == Point(100, 1.0, None)


def test_a_later_verdict_counts_if_it_comes_in_time() -> None:
    # The last delay is the one that the profile's limits left of it.
    pause = {"delay_ms": 500, "verdicts": [verdict(50, 700), verdict(400, 450)]}
    assert wait_ms(pause, 1.0) == 500
    assert wait_ms(pause, 0.5) == 350
    assert wait_ms(pause, 2.0) == 1000
    # A verdict cannot be obeyed before it is there.
    assert wait_ms({"delay_ms": 20, "verdicts": [verdict(80, 20)]}, 1.0) == 80
    assert wait_ms({"delay_ms": 600, "verdicts": []}, 0.5) == 300


def test_the_measured_point_is_that_of_the_run() -> None:
    turns = [turn(), turn(cut_off=True), turn(timing={}), turn(voice_to_voice_ms=None)]
    assert measured(turns) == Point(1.0, 0.5, 50 + 250 + 20)
    assert measured([]) is None
    assert curves([turn(timing={})]) == []


@given(st.lists(st.tuples(st.floats(50, 2000), st.floats(50, 2000)), max_size=3), st.floats(50, 1500))
def test_waiting_longer_never_cuts_off_more(inside: list[tuple[float, float]], last_ms: float) -> None:
    for curve in curves([turn(*inside, last_ms=last_ms), turn((400, 500))]):
        rates = [point.cut_off_rate for point in curve.points]
        assert rates == sorted(rates, reverse=True)


# --- reports read back ------------------------------------------------------------------------------------------------


def test_a_report_is_read_with_what_it_was_held_against() -> None:
    text = json.dumps(
        {"profile": "p", "turns": [turn()], "against": {"profile": "q", "turns": [turn((1, 2))]}}
    )
    assert [name for name, _ in parse_run(text)] == ["p", "q"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(turn())), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(
    st.text() | JSON.map(json.dumps) | JSON.map(lambda value: json.dumps({"profile": "p", "turns": [value]}))
)
def test_any_text_is_a_run_or_an_error(text: str) -> None:
    try:
        runs = parse_run(text)
    except ValueError:
        return
    for _, turns in runs:
        curves(turns)
        measured(turns)


@given(st.data())
def test_a_report_with_one_value_changed_is_a_run_or_an_error(data: st.DataObject) -> None:
    changed = turn((400, 500))
    place: Any = data.draw(
        st.sampled_from([changed, changed["timing"], *changed["pauses"], changed["pauses"][0]["verdicts"][0]])
    )
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    test_any_text_is_a_run_or_an_error.hypothesis.inner_test(json.dumps({"profile": "p", "turns": [changed]}))  # type: ignore[attr-defined]


def test_what_is_no_report_is_a_user_s_error(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    with pytest.raises(VoicebotError, match="no such file"):
        read_run(file)
    file.write_text('{"profile": "p"}')
    with pytest.raises(VoicebotError, match="not a report of the bench: it has no turns"):
        read_run(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(VoicebotError, match="it is not text"):
        read_run(file)


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_curves_are_drawn_with_honest_labels(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    turns = [turn((600, 1000)), turn((300, 250)), turn(last_ms=400)]
    file = tmp_path / "curve.svg"
    plot_curves(file, [("run, local", curves(turns), measured(turns))])
    text = file.read_text()
    for words in (
        "median voice to voice (ms)",
        "turns cut off (%)",
        "smart, speculating (replayed from run, local)",
        "silence (replayed from run, local)",
        "run, local, measured",
    ):
        assert words in text
    plot_curves(tmp_path / "curve.png", [("empty", [Curve("silence", (Point(100, 1.0, None),))], None)])
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_latencies_are_drawn_with_the_cut_off_rate_beside_them(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    summary = {"voice_to_voice_median_ms": 420.0, "cut_off_rate": 0.03}
    run = {
        "profile": "p",
        "summary": summary,
        "turns": [{"voice_to_voice_ms": ms} for ms in (380.0, 420.0, None, 700.0)],
    }
    other = {"profile": "q", "summary": summary, "turns": [{"voice_to_voice_ms": None}]}
    plot_latency(tmp_path / "l.svg", run | {"against": other, "budget_ms": {"voice_to_voice": 900.0}})
    text = (tmp_path / "l.svg").read_text()
    assert "p (median 420 ms, 3.0 % cut off, n=3)" in text
    assert "budget 900 ms" in text


def test_a_picture_that_cannot_be_drawn_is_known_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(VoicebotError, match="no suffix"):
        check_plot(tmp_path / "curve.txt")
    with pytest.raises(VoicebotError, match="no folder"):
        check_plot(tmp_path / "missing" / "curve.svg")
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(VoicebotError, match=r"voicebot-kit\[bench\]"):
        check_plot(tmp_path / "curve.svg")
