"""The bench's pictures as files. matplotlib is imported only when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voicebot.bench.curve import Curve, Point
from voicebot.errors import VoicebotError
from voicebot.wav import check_writable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SUFFIXES", "check_plot", "draw_latency", "need_matplotlib", "plot_curves", "plot_latency"]

SUFFIXES = (".svg", ".png", ".pdf")
_STYLES = {"silence": ":", "smart": "--", "smart, speculating": "-"}


def check_plot(path: Path) -> None:
    """Find out before a run, not after it, that its picture cannot be drawn.

    Raises:
        VoicebotError: matplotlib is missing, the suffix is unknown, or the file cannot be written there.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise VoicebotError(
            f"{path} has no suffix of a picture that can be drawn.", hint=f"Use one of {', '.join(SUFFIXES)}."
        )
    check_writable(path)
    need_matplotlib()


def need_matplotlib() -> None:
    """Find out whether any picture can be drawn.

    Raises:
        VoicebotError: matplotlib is missing.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise VoicebotError(
            "Pictures are drawn by matplotlib, which is not installed.",
            hint="pip install 'voicebot-kit[bench]'",
        ) from None


def plot_latency(path: Path, report: dict[str, Any]) -> None:
    """Voice to voice of a run, as the share of turns that were answered within so many ms.

    Raises:
        VoicebotError: as `check_plot`, or the file cannot be written.
    """
    figure, axes = _figure(path)
    draw_latency(axes, report)
    _save(figure, axes, path)


def draw_latency(axes: Axes, report: Mapping[str, Any], colours: Sequence[str] = ("C0", "C1")) -> None:
    """The same, on axes of one's own."""
    runs = (report, *([report["against"]] if "against" in report else []))
    for run, colour in zip(runs, colours, strict=False):
        times = sorted(
            turn["voice_to_voice_ms"] for turn in run["turns"] if turn["voice_to_voice_ms"] is not None
        )
        if not times:
            continue
        rate = run["summary"]["cut_off_rate"]
        cut = "" if rate is None else f", {rate * 100:.1f} % cut off"
        label = f"{run['profile']} (median {run['summary']['voice_to_voice_median_ms']:.0f} ms{cut}, n={len(times)})"
        shares = [100 * (index + 1) / len(times) for index in range(len(times))]
        axes.step([times[0], *times], [0, *shares], where="post", label=label, color=colour)
    budget = report["budget_ms"].get("voice_to_voice")
    if budget is not None:
        axes.axvline(budget, color="0.5", linestyle=":", label=f"budget {budget:.0f} ms")
    axes.set_xlabel("voice to voice: last speech sample to first audible answer sample (ms)")
    axes.set_ylabel("turns answered by then (%)")
    axes.set_ylim(0, 101)


def plot_curves(path: Path, runs: Sequence[tuple[str, Sequence[Curve], Point | None]]) -> None:
    """Cut-off rate against median voice to voice: each run's curves, and on top of them what it measured.

    Args:
        runs: name, replayed curves, measured point.

    Raises:
        VoicebotError: as `check_plot`, or the file cannot be written.
    """
    figure, axes = _figure(path)
    for number, (name, curves, point) in enumerate(runs):
        colour = f"C{number}"
        for curve in curves:
            drawn = [
                (p.voice_to_voice_median_ms, 100 * p.cut_off_rate)
                for p in curve.points
                if p.voice_to_voice_median_ms is not None
            ]
            axes.plot(
                [latency for latency, _ in drawn],
                [rate for _, rate in drawn],
                color=colour,
                linestyle=_STYLES.get(curve.label, "-"),
                label=f"{curve.label} (replayed from {name})",
            )
        if point is not None and point.voice_to_voice_median_ms is not None:
            axes.plot(
                [point.voice_to_voice_median_ms],
                [100 * point.cut_off_rate],
                marker="o",
                linestyle="none",
                color=colour,
                markeredgecolor="black",
                label=f"{name}, measured",
            )
    axes.set_xlabel("median voice to voice (ms)")
    axes.set_ylabel("turns cut off (%)")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    _save(figure, axes, path)


def _figure(path: Path) -> tuple[Figure, Axes]:
    check_plot(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _save(figure: Figure, axes: Axes, path: Path) -> None:
    import matplotlib

    axes.grid(visible=True, alpha=0.3)
    # Text stays text: it can be searched, and read aloud; and a name with a $ is no formula.
    with matplotlib.rc_context({"svg.fonttype": "none", "text.parse_math": False}):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
        try:
            figure.savefig(path, dpi=120)
        except OSError as error:
            raise VoicebotError(f"{path} cannot be written: {error.strerror or error}.") from error
