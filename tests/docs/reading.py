"""The documentation as these tests read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FENCE", "PAGES", "ROOT", "Snippet", "code_spans", "name", "snippets"]

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in (
        "*.md",
        "docs/*.md",
        "plugins/*/README.md",
        "bench/*/README.md",
        "deploy/**/*.md",
        "sfu/*.md",
    )
    for page in ROOT.glob(pattern)
)
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.M | re.S)


@dataclass(frozen=True)
class Snippet:
    """A fenced block."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{name(self.page)}:{self.line}"


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def snippets(*languages: str) -> list[Snippet]:
    """The fenced blocks of all pages in these languages; "" are those that name none."""
    return [snippet for page in PAGES for snippet in _snippets(page) if snippet.language in languages]


def _snippets(page: Path) -> Iterator[Snippet]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        body = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.M)
        yield Snippet(page, line, match["language"], body)


def code_spans(page: Path) -> list[str]:
    """What stands in single backticks, outside of fenced blocks."""
    return re.findall(r"(?<!`)`([^`]+)`(?!`)", FENCE.sub("", page.read_text(encoding="utf-8")))
