"""A report's pictures as SVG inside an HTML page, in the page's own colours: readable in light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from voicebot.bench.plot import draw_latency
from voicebot.bench.wording import LABELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURS", "pictures"]

COLOURS = {"#010101": "--ink", "#020202": "--faint", "#030303": "--a", "#040404": "--b", "#050505": "--worse"}
"""Colours to draw in, and the page's variables that they become."""
INK, FAINT, A, B, WORSE = COLOURS

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "voicebot",
    "font.family": "sans-serif",
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "legend.frameon": False,
}


def pictures(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Titles and SVGs: the hops, the latencies' distribution, and with two profiles the pairs of calls.

    matplotlib must be there: `plot.need_matplotlib`.
    """
    hops = len(report["compared"]["latency_ms"])
    drawn: list[tuple[str, Callable[[Axes], None], tuple[float, float]]] = [
        ("Where the time goes", lambda axes: _hops(axes, report), (8, 1.4 + 0.5 * hops)),
        ("How many were answered by when", lambda axes: draw_latency(axes, report, (A, B)), (8, 4)),
    ]
    if "against" in report:
        drawn.append(("The same call with both", lambda axes: _pairs(axes, report), (8, 5)))
    return [(title, _svg(title, draw, size)) for title, draw, size in drawn]


def _hops(axes: Axes, report: Mapping[str, Any]) -> None:
    latency = report["compared"]["latency_ms"]
    sides = [("profile", A, report["profile"], -0.14)]
    if "against" in report:
        sides.append(("against", B, report["against"]["profile"], 0.14))
    for side, colour, name, offset in sides:
        label = f"{name}: median, its interval; ring: p90"
        for place, row in enumerate(latency.values()):
            middle, tail = row[side]["median"], row[side]["p90"]
            if middle is None:
                continue
            y, at = place + offset, middle["value"]
            axes.plot([at, tail["value"]], [y, y], color=colour, linewidth=1, alpha=0.5)
            if middle["low"] is not None:
                axes.plot([middle["low"], middle["high"]], [y, y], color=colour, linewidth=5, alpha=0.45)
            axes.plot(at, y, "o", color=colour, markersize=6, label=label)
            axes.plot(tail["value"], y, "o", color=colour, markersize=6, fillstyle="none")
            label = "_nolegend_"
    label = "budget"
    for place, row in enumerate(latency.values()):
        if row["budget"] is not None:
            axes.vlines(row["budget"], place - 0.36, place + 0.36, color=WORSE, linewidth=2, label=label)
            label = "_nolegend_"
    axes.set_yticks(range(len(latency)), [LABELS[name] for name in latency])
    axes.set_ylim(len(latency) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("ms")


def _pairs(axes: Axes, report: Mapping[str, Any]) -> None:
    pairs = [
        (theirs["voice_to_voice_ms"], ours["voice_to_voice_ms"])
        for ours, theirs in zip(report["turns"], report["against"]["turns"], strict=False)
        if ours["voice_to_voice_ms"] is not None and theirs["voice_to_voice_ms"] is not None
    ]
    longest = max((ms for pair in pairs for ms in pair), default=1000.0) * 1.05
    axes.plot([0, longest], [0, longest], color=FAINT, linewidth=1.5, label="equal; above it A is slower")
    limit = report["verdict"]["fail_over"]
    if limit is not None:
        axes.plot(
            [0, longest], [0, longest * limit], "--", color=WORSE, linewidth=1.5, label=f"{limit:g} times"
        )
    axes.plot(
        [x for x, _ in pairs], [y for _, y in pairs], "o", color=A, alpha=0.75, markersize=6, label="a call"
    )
    axes.set_xlim(0, longest)
    axes.set_ylim(0, longest)
    axes.set_xlabel(f"B, {report['against']['profile']}: voice to voice (ms)")
    axes.set_ylabel(f"A, {report['profile']}: voice to voice (ms)")


def _svg(title: str, draw: Callable[[Axes], None], size: tuple[float, float]) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        draw(axes)
        axes.grid(visible=True, alpha=0.35)
        axes.set_axisbelow(True)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside upper left", fontsize="small", ncols=2)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    # As wide as the page, and named for who listens to it.
    svg = re.sub(
        r'^<svg [^>]*viewBox="([^"]+)"[^>]*>',
        rf'<svg viewBox="\1" role="img" aria-label="{escape(title)}" xmlns:xlink="http://www.w3.org/1999/xlink">',
        svg,
        count=1,
    )
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg
