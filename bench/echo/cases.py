"""Calls to judge an echo check by: an echo alone, a user without any echo, and a user over the echo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voicebot.audio import Samples, to_float
from voicebot.echo import EchoCheck

from .scenes import RATE, WINDOW, Path, call, draw_path, echo, level_db, noise, onset, through_opus
from .voices import AGENT_RATE

__all__ = ["Case", "Voices", "draw_case", "scores", "windows"]

Voices = dict[str, list[Samples]]
PACKET_S = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    path: Path | None
    """None: no echo comes back."""
    agent: str
    turns: list[tuple[float, Samples]]
    """When each of the agent's turns begins, and what it plays, at AGENT_RATE."""
    microphone: Samples
    onsets_s: list[float]
    """First syllables of the user, one for each turn that is talked over; none where the user is silent."""
    user: Samples
    """The user alone, as long as `microphone`."""
    over_db: float = 0.0
    """The user relative to the echo."""


def draw_case(
    kind: str,
    agents: Voices,
    users: Voices,
    rng: np.random.Generator,
    path: Path | None = None,
    turns: int = 3,
) -> Case:
    """A call of some agent turns; kind is "echo", "user" or "both"."""
    agent = str(rng.choice(sorted(agents)))
    said = [agents[agent][i] for i in rng.permutation(len(agents[agent]))[:turns]]
    played, starts = call(said, AGENT_RATE, gap_s=float(rng.uniform(0.8, 1.6)))
    path = path or draw_path(rng)
    heard = echo(played, path, rng) if kind != "user" else np.zeros_like(played)
    echo_db = level_db(heard) if kind != "user" else -25.0
    over_db = float(rng.uniform(0, 10)) if kind == "both" else 0.0
    user = np.zeros_like(played)
    onsets = []
    for start, turn in zip(starts, said, strict=True) if kind != "echo" else ():
        voice = str(rng.choice([name for name in sorted(users) if name != agent]))
        words = to_float(users[voice][rng.integers(len(users[voice]))])
        words *= np.float32(10 ** ((echo_db + over_db - level_db(words)) / 20))
        # Anywhere in the agent's turn, where its echo has begun and goes on for half a second.
        lag = path.delay_ms / 1000 if kind == "both" else 0.0
        at = int((start + lag + rng.uniform(0, len(turn) / AGENT_RATE - 0.5)) * RATE)
        words = words[: max(0, len(user) - at)]
        user[at : at + len(words)] += words
        onsets.append((at + onset(words)) / RATE)
    sound = heard + user + noise(len(played), echo_db + path.noise_db, rng)
    return Case(
        path if kind != "user" else None,
        agent,
        list(zip(starts, said, strict=True)),
        through_opus(sound),
        onsets,
        through_opus(user),
        over_db,
    )


def windows(samples: Samples) -> Iterator[tuple[float, Samples]]:
    """Windows as the detector gets them, and when each ends, in s."""
    for end in range(WINDOW, len(samples) + 1, WINDOW):
        yield end / RATE, samples[end - WINDOW : end]


def scores(check: EchoCheck, case: Case) -> npt.NDArray[np.float64]:
    """What `check` says to each window of the call, played and heard in the order of time."""
    size = round(PACKET_S * AGENT_RATE)
    packets = [
        (start + i / AGENT_RATE, turn[i : i + size])
        for start, turn in case.turns
        for i in range(0, len(turn), size)
    ]
    result, sent = [], 0
    for end_s, window in windows(case.microphone):
        while sent < len(packets) and packets[sent][0] < end_s:
            check.played(packets[sent][1], AGENT_RATE, packets[sent][0])
            sent += 1
        result.append(check.heard(window, end_s))
    return np.array(result)
