"""A report as one HTML file, with nothing from elsewhere in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from voicebot.bench.pictures import pictures
from voicebot.bench.tables import Table, conditions, headline, legend, tables

__all__ = ["as_html"]

_CSS = """
:root { color-scheme: light dark; --ground: #fcfcfb; --ink: #1c1c1a; --faint: #a9a8a2; --line: #e2e1dc;
  --a: #2467c9; --b: #a06a00; --worse: #b3261e; --better: #1d7a3e; }
@media (prefers-color-scheme: dark) { :root { --ground: #191918; --ink: #ecebe6; --faint: #77766f; --line: #383834;
  --a: #7db0ff; --b: #e6b450; --worse: #ff8a80; --better: #7ddb9a; } }
body { background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.3; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
.verdict { font-weight: 600; } .failed { color: var(--worse); } .passed { color: var(--better); }
.a { color: var(--a); font-weight: 600; } .b { color: var(--b); font-weight: 600; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; } th:first-child, td:first-child { text-align: left; white-space: normal; }
small { display: block; opacity: .75; } .calls td:first-child { min-width: 18rem; }
.worse { color: var(--worse); } .better { color: var(--better); }
figure { margin: 0; } svg { display: block; height: auto; width: 100%; }
svg text { font-family: system-ui, sans-serif; }
footer, .note { font-size: .85rem; opacity: .8; } summary { cursor: pointer; margin-top: 2.5rem; font-weight: 600; }
"""
_TONES = {1: "worse", 0: "", -1: "better"}


def as_html(report: Mapping[str, Any]) -> str:
    """The page. `plot.need_matplotlib` says beforehand whether its pictures can be drawn."""
    return "\n".join(_parts(report)) + "\n"


def _parts(report: Mapping[str, Any]) -> Iterator[str]:
    name, other = report["profile"], report.get("against")
    title = f"{name} against {other['profile']}" if other else name
    verdict = report["verdict"]
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>voicebot bench: {escape(title)}</title><style>{_CSS}</style></head><body>"
    yield f"<h1>{escape(title)}</h1>"
    state = "failed" if verdict["breaches"] else "passed"
    yield f'<p class="verdict {state}">{escape(headline(report).capitalize())}</p>'
    if verdict["breaches"] or verdict["doubts"]:
        says = [*(breach["says"] for breach in verdict["breaches"]), *verdict["doubts"]]
        yield "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in says) + "</ul>"
    if other:
        yield f'<p><span class="a">A</span> {escape(name)} · <span class="b">B</span> {escape(other["profile"])}</p>'
    for table in tables(report):
        yield from _table(table)
    yield f'<p class="note">{escape(legend(report))}</p>'
    for caption, svg in pictures(report):
        yield f"<h2>{escape(caption)}</h2><figure>{svg}</figure>"
    yield from _calls(report)
    yield f"<footer><p>{escape(conditions(report))}</p></footer></body></html>"


def _table(table: Table) -> Iterator[str]:
    yield f'<h2>{escape(table.title)}</h2><div class="wide"><table>'
    yield "<tr>" + "".join(f"<th>{escape(heading)}</th>" for heading in table.headings) + "</tr>"
    for row in table.rows:
        cells = (
            f'<td class="{_TONES[cell.tone]}">{escape(cell.text)}<small>{escape(cell.ends)}</small></td>'
            for cell in row
        )
        yield "<tr>" + "".join(cells) + "</tr>"
    yield "</table></div>"


def _calls(report: Mapping[str, Any]) -> Iterator[str]:
    """Each call: what was said, and what became of it with each profile."""
    runs = [report, *([report["against"]] if "against" in report else [])]
    yield '<details><summary>Every call</summary><div class="wide"><table class="calls">'
    yield "<tr><th>said</th>" + "".join(f"<th>{escape(run['profile'])}</th>" for run in runs) + "</tr>"
    for turns in zip(*(run["turns"] for run in runs), strict=False):
        said = f"<td>{escape(turns[0]['name'])}: {escape(turns[0]['text'])}</td>"
        yield "<tr>" + said + "".join(f"<td>{escape(_came_of_it(turn))}</td>" for turn in turns) + "</tr>"
    yield "</table></div></details>"


def _came_of_it(turn: Mapping[str, Any]) -> str:
    latency, barge = turn["voice_to_voice_ms"], turn["barge"]
    parts = ["–" if latency is None else f"{latency:.0f} ms"]
    if turn["cut_off"]:
        parts.append("cut off")
    if barge is not None and barge["missed"]:
        parts.append("interruption missed")
    if barge is not None and barge["false_interruption"]:
        parts.append(f"ended by {barge['kind']}")
    if turn["word_errors"]:
        parts.append(f"{turn['word_errors']} of {turn['words']} words misheard")
    if turn["fault"]:
        parts.append(turn["fault"])
    return ", ".join(parts)
