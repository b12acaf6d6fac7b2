"""A replay beside its call, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from voicebot.replaying.comparing import HOP_NAMES, Comparison, TurnPair, WordRun

__all__ = ["show_comparison"]

_STYLES = {"before": "red strike", "now": "green", "both": ""}
_MARKS = {"before": "[-{}-]", "now": "{{+{}+}}", "both": "{}"}


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print what was said, with [-words of the call alone-] and {+words of the replay alone+}, and how long it took."""
    for pair in comparison.turns:
        turn = pair.before or pair.now
        assert turn is not None
        where = (
            ""
            if pair.before and pair.now
            else (" (in the replay alone)" if pair.now else " (not in the replay)")
        )
        console.print(Text(f"turn {turn.number}{where}", style="bold"))
        for name, runs in pair.texts().items():
            if runs:
                console.print(Text.assemble(f"  {name:<7}", *_words(runs)))
        if pair.before and pair.now and pair.before.ended != pair.now.ended:
            runs = [WordRun("before", pair.before.ended), WordRun("now", pair.now.ended)]
            console.print(Text.assemble(f"  {'ended':<7}", *_words(runs)))
    if any(pair.before and pair.now and pair.now.hops_ms for pair in comparison.turns):
        console.print(_hops(comparison.turns))
    for which, side in zip(("call", "replay"), comparison.interruptions, strict=True):
        for one in side:
            verdict = "interrupted" if one["interrupted"] else "no interruption"
            line = (
                f"{which:<7}{one['at_s']:8.2f} s  turn {one['turn']}: {verdict} ({one['why']}) {one['text']}"
            )
            console.print(Text(line.rstrip()))
    for which, failures in zip(("call", "replay"), comparison.failures, strict=True):
        for failure in dict.fromkeys(failures):
            console.print(Text(f"{which}: {failure}", style="yellow"))
    for what in dict.fromkeys(comparison.missing):
        console.print(Text(what, style="yellow"))
    if not comparison.same and comparison.difference is not None:
        for which, message in zip(("call", "replay"), comparison.difference, strict=True):
            what = "nothing more" if message is None else f"{message['at_s']:.3f} s {_brief(message)}"
            console.print(Text(f"the first event that differs, {which}: {what}"))
    console.print(
        Text("the same conversation" if comparison.same else "not the same conversation", style="bold")
    )


def _words(runs: Sequence[WordRun]) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for run in runs:
        parts += [(" " if parts else "", ""), (_MARKS[run.of].format(run.text), _STYLES[run.of])]
    return parts


def _hops(pairs: Sequence[TurnPair]) -> Table:
    """Milliseconds by hop: the call's -> the replay's."""
    table = Table(box=None, pad_edge=False)
    table.add_column("ms, call -> replay")
    both = [(pair.before, pair.now) for pair in pairs if pair.before and pair.now and pair.now.hops_ms]
    for before, _ in both:
        table.add_column(f"turn {before.number}", justify="right")
    for hop in HOP_NAMES:
        cells = [f"{_ms(before.hops_ms.get(hop))} -> {_ms(now.hops_ms.get(hop))}" for before, now in both]
        if any(hop in now.hops_ms for _, now in both):
            table.add_row(hop, *cells)
    return table


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _brief(message: dict[str, object]) -> str:
    rest = {name: value for name, value in message.items() if name not in ("name", "at_s", "report")}
    text = f"{message['name']} " + " ".join(f"{name}={value!r}" for name, value in rest.items())
    return text if len(text) <= 300 else text[:300] + " …"
