"""The front's counters, and their text for Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

__all__ = ["Metrics", "exposition"]

Family = tuple[str, str, str, str, Mapping[str, float]]
"""Name, type, help, label ("" for none), and a value per value of the label."""


class Metrics:
    """What has happened since the front began. Labels come from fixed sets only, never from outside."""

    def __init__(self) -> None:
        self.calls_ended: Counter[str] = Counter()
        """By reason."""
        self.calls_resumed = 0
        self.signalling_refused: Counter[str] = Counter()
        """Joins refused, and connections of pages ended for what came over them or did not; by code."""
        self.link_refused: Counter[str] = Counter()
        """Connections of call workers ended for what came over them, by code."""

    def families(self, *, active: int, workers: Mapping[str, int]) -> list[Family]:
        """Everything, in the order of /metrics."""
        return [
            ("voicebot_calls_active", "gauge", "Calls that are on.", "", {"": active}),
            ("voicebot_calls_ended_total", "counter", "Calls that ended.", "reason", self.calls_ended),
            (
                "voicebot_calls_resumed_total",
                "counter",
                "Calls that went on after the network failed.",
                "",
                {"": self.calls_resumed},
            ),
            (
                "voicebot_signalling_refused_total",
                "counter",
                "Connections and messages of pages refused.",
                "code",
                self.signalling_refused,
            ),
            ("voicebot_link_refused_total", "counter", "Call workers refused.", "code", self.link_refused),
            ("voicebot_call_workers", "gauge", "Call workers that are connected.", "state", workers),
        ]


def exposition(families: Iterable[Family]) -> str:
    """The text of /metrics."""
    lines = []
    for name, kind, text, label, values in families:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        for value, number in sorted(values.items()):
            lines.append(f'{name}{{{label}="{value}"}} {number}' if label else f"{name} {number}")
    return "\n".join(lines) + "\n"
