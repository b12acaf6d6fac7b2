"""docs/engines.md, out of the results and of what plugins and models say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from bench.engines.calls import PROMPT, QUESTION
from bench.engines.choices import KINDS
from bench.engines.facts import facts
from bench.engines.servers import SERVERS
from bench.engines.tables import table

from voicebot.interfaces import Kind

__all__ = ["cell", "matrix_table", "medians_table", "render"]

Row = Mapping[str, Any]
"""A call: the engines by kind, and an `Outcome`'s fields."""

_OWN_HOP: dict[Kind, str] = {
    "stt": "stt_final",
    "turn": "end_of_turn",
    "llm": "llm_ttft",
    "tts": "tts_ttfa",
}


def cell(row: Row | None) -> str:
    """A call in a few words."""
    if row is None:
        return "-"
    if row["status"] == "not here":
        return f"not here: {row['reason']}"
    if row["status"] != "ok":
        return f"**failed**: {row['reason']}"
    dropped = f", {row['dropped']} dropped" if row["dropped"] else ""
    return f"ok {row['voice_to_voice_ms']:.0f} ms{dropped}"


def matrix_table(rows: Sequence[Row]) -> str:
    """Recognition and turn-taking downwards, language model and voice across."""
    found = {tuple(row[kind] for kind in ("stt", "turn", "llm", "tts")): row for row in rows}
    downwards = dict.fromkeys((row["stt"], row["turn"]) for row in rows)
    across = dict.fromkeys((row["llm"], row["tts"]) for row in rows)
    header = ("stt · turn", *(f"{llm}<br>{tts}" for llm, tts in across))
    return table(
        header,
        [
            (f"{stt} · {turn}", *(cell(found.get((stt, turn, *one))) for one in across))
            for stt, turn in downwards
        ],
    )


def medians_table(rows: Sequence[Row]) -> str:
    """Each engine over all its calls that were ok."""
    lines = []
    for kind in KINDS:
        for name in dict.fromkeys(row[kind] for row in rows):
            held = [row for row in rows if row[kind] == name and row["status"] != "not here"]
            good = [row for row in held if row["status"] == "ok"]
            hop = _OWN_HOP[kind]
            lines.append(
                (
                    kind,
                    f"`{name}`",
                    f"{len(good)} of {len(held)}",
                    _median(row["voice_to_voice_ms"] for row in good),
                    f"{hop} {_median(row['hops_ms'].get(hop) for row in good)}",
                    str(sum(row["dropped"] for row in held)),
                )
            )
    header = (
        "kind",
        "engine",
        "calls that were ok",
        "voice to voice, ms",
        "its own hop, ms",
        "chunks dropped",
    )
    return table(header, lines, numbers=(2, 3, 4, 5))


def _median(values: Any) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):.0f}" if known else "-"


def render(data: Mapping[str, Any]) -> str:
    """The page.

    Args:
        data: `calls` (rows), `machine` (text) and `taken_s`.
    """
    rows: Sequence[Row] = data["calls"]
    count = {status: sum(row["status"] == status for row in rows) for status in ("ok", "failed", "not here")}
    servers = "\n".join(
        f"- {', '.join(f'`{kind}: {use}`' for kind, use in data['served'][name])}: {SERVERS[name].title}."
        for name in data["served"]
        if data["served"][name]
    )
    return f"""\
<!-- Written by `python -m bench.engines.matrix --markdown docs/engines.md`. Changes made here are lost. -->

# Engines, in every combination

`python -m bench.engines.matrix --markdown docs/engines.md` holds the same call with every combination of the engines
that can run on one machine without an account, and writes this page. Each call is a `voicebot call` of its own, in real
time: somebody asks "{QUESTION}" (a recording that comes with voicebot) and hears the answer. An
engine that cannot be had on the machine stands in the table with the reason.

A call is **ok** if every word was understood, the question became one turn, the answer was spoken to its end, no engine
failed, and an ear that knows nothing of the call (Whisper tiny.en) hears in the recording what the report says
was said. The time is from the user's last syllable to the agent's first, as the server counts it; it is one call's.

{len(rows)} combinations, in {data["taken_s"] / 60:.0f} minutes: {count["ok"]} ok, {count["failed"]} failed,
{count["not here"]} not here. Measured on {data["machine"]}.

{matrix_table(rows)}

## By engine

The median over all calls with that engine. Its own hop is the part of the wait that is that engine's
([concepts.md](concepts.md#where-the-time-goes) says what each is); recognition and the language model begin while
the end of the turn is awaited, so that the hops do not add up.

{medians_table(rows)}

What is shown is that they work together, not which is better: the recognisers all have Whisper tiny.en's weights, and
`llamacpp`, `openai` and `groq` those of SmolLM2 135M, whose prompt is "{PROMPT}";
`stub` is a server that says a given sentence after 120 ms. Those that ask a server:

{servers}

The transport is `wav`, from one file into another. `webrtc` and `mediasoup` carry the same audio; that they do is
proven in a browser, by `tests/browser`.

{facts()}"""
