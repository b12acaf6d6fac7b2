"""A report as Markdown: for a pull request's comment, or a log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from voicebot.bench.tables import Table, conditions, headline, legend, tables

__all__ = ["as_markdown"]


def as_markdown(report: Mapping[str, Any]) -> str:
    """The verdict, the tables, and where they come from."""
    name, other = report["profile"], report.get("against")
    against = f" against {_plain(other['profile'])}" if other else ""
    lines = [f"### {_plain(name)}{against}: {headline(report)}"]
    verdict = report["verdict"]
    says = [f"**{_plain(breach['says'])}**" for breach in verdict["breaches"]]
    says += [_plain(doubt) for doubt in verdict["doubts"]]
    if says:
        lines += ["", *(f"- {each}" for each in says)]
    if other:
        lines += ["", f"A: {_plain(name)} · B: {_plain(other['profile'])}"]
    for table in tables(report):
        lines += ["", *_table(table)]
    lines += ["", legend(report), "", _plain(conditions(report))]
    return "\n".join(lines) + "\n"


def _table(table: Table) -> list[str]:
    title, *headings = table.headings
    rows = [
        [title or table.title, *headings],
        ["---", *["---:"] * len(headings)],
        *(
            [_plain(f"{cell.text} ({cell.ends})" if cell.ends else cell.text) for cell in row]
            for row in table.rows
        ),
    ]
    return ["| " + " | ".join(row) + " |" for row in rows]


def _plain(text: str) -> str:
    """Text that stays as it is: a name may hold what Markdown, or a comment's HTML, takes for its own."""
    # Between letters an underscore is none of Markdown's.
    return re.sub(r"([\\`*\[\]<>|~]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(text.split()))
