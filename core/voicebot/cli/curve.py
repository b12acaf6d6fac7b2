"""`voicebot bench curve`: what other delays would have brought."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["curve"]


@click.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(path_type=Path),
    required=True,
    help="Where to draw the curves (.svg, .png, .pdf).",
)
@click.option("--short-pauses", is_flag=True, help="Leave out turns with pauses over 0.5 s.")
def curve(reports: tuple[Path, ...], plot_path: Path, short_pauses: bool) -> int:
    """Draw cut-off rate against median latency, as other delays would have made them.

    REPORTS are those that `bench --json` wrote. Each pause in them is replayed: with a fixed delay ("silence"), with
    the end-of-turn model's delays made shorter or longer ("smart"), and with the answer prepared during the wait
    ("smart, speculating"). What the run itself measured is drawn on top.

    \b
    Examples:
      voicebot bench curve run.json --plot curve.svg
      voicebot bench curve smart.json silence.json --plot both.png --short-pauses

    Exit code 0: drawn; 2: a report cannot be read, or has no pauses to replay.
    """
    from voicebot.bench.curve import curves, measured
    from voicebot.bench.plot import check_plot, plot_curves
    from voicebot.bench.reading import read_run
    from voicebot.errors import VoicebotError

    check_plot(plot_path)
    runs = []
    for path in reports:
        for name, turns in read_run(path):
            chosen = [turn for turn in turns if not (short_pauses and turn["has_long_pause"])]
            label = f"{path.stem}, {name}"
            drawn = curves(chosen)
            if not drawn:
                raise VoicebotError(
                    f"{path}: the run of {name!r} has no answered turn with a judged pause to replay."
                )
            runs.append((label, drawn, measured(chosen)))
    plot_curves(plot_path, runs)
    return 0
