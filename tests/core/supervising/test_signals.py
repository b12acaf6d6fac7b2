"""What a signal means, by what came before it."""

from __future__ import annotations

from signal import SIGINT, SIGTERM, Signals

import pytest

from voicebot.supervising.signals import DRAIN_SIGNAL, Obedience


@pytest.mark.parametrize(
    ("signals", "actions"),
    [
        ([SIGTERM, SIGTERM, SIGTERM], ["drain", "stop", "nothing"]),
        ([SIGTERM, SIGINT, SIGINT], ["drain", "stop", "kill"]),
        ([SIGINT, SIGINT], ["stop", "kill"]),
        ([SIGINT, SIGTERM, SIGINT], ["stop", "nothing", "kill"]),
        ([DRAIN_SIGNAL, DRAIN_SIGNAL, DRAIN_SIGNAL], ["drain", "nothing", "nothing"]),
        ([DRAIN_SIGNAL, SIGTERM], ["drain", "stop"]),
        ([SIGTERM, DRAIN_SIGNAL, SIGTERM], ["drain", "nothing", "stop"]),
        ([SIGINT, DRAIN_SIGNAL], ["stop", "nothing"]),
    ],
)
def test_with_time_to_drain(signals: list[Signals], actions: list[str]) -> None:
    obedience = Obedience(drains=True)
    assert [obedience.signalled(number) for number in signals] == actions


@pytest.mark.parametrize("first", [SIGINT, SIGTERM, DRAIN_SIGNAL])
def test_without_any(first: Signals) -> None:
    obedience = Obedience(drains=False)
    assert [obedience.signalled(number) for number in (first, SIGTERM, SIGINT)] == ["stop", "nothing", "kill"]
