"""The report as Markdown and as a page: every number is there, and a name is never taken for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from tests.bench.calls import call, calls, report

from voicebot.bench.markdown import as_markdown
from voicebot.bench.pictures import COLOURS
from voicebot.bench.webpage import as_html

TIMES = [380.0, 390.0, 400.0, 410.0, 420.0, 430.0, 440.0, 450.0, 460.0]
SLOW = report(
    calls([ms + 600 for ms in TIMES], llm_ms=720),
    calls(TIMES),
    budget_ms={"voice_to_voice": 900, "llm_ttft": 150},
    fail_over=1.1,
)
NASTY = "<script>alert(1)</script> | `a`_b_ $^$ "


class Elements(HTMLParser):
    """The page's elements and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(markdown: str) -> Elements:
    return Elements(MarkdownIt("commonmark").enable("table").render(markdown))


def test_a_comparison_in_markdown() -> None:
    text = as_markdown(SLOW)
    shown = rendered(text)
    assert text.startswith("### mine against other: failed\n")
    assert shown.tags.count("table") == 3
    assert "llm_ttft: median 720 ms, 570 over its budget of 150 ms" in shown.text
    assert "guilty: llm_ttft, +600 (+600 to +600) ms" in shown.text
    assert "| +600 ▲ (+600 to +600) |" in text
    assert "150 (exceeded)" in shown.text
    assert "seed 1" in shown.text


def test_a_single_profile_has_no_columns_of_another() -> None:
    text = as_markdown(report(calls(TIMES)))
    assert text.startswith("### mine: passed\n\n| Latency")
    assert "| Latency (ms) | median | p90 |\n" in text
    assert "A / B" not in text
    assert "peak memory" in text


@pytest.mark.parametrize("made", [SLOW, report(calls([None, None]))], ids=["two", "nothing measured"])
def test_the_page_is_whole_and_loads_nothing(made: dict[str, object]) -> None:
    pytest.importorskip("matplotlib")
    page = as_html(made)
    shown = Elements(page)
    assert "script" not in shown.tags
    # Glyphs and clips inside the pictures, and nothing from elsewhere.
    assert all(target.startswith("#") for target in shown.loaded)
    assert not re.search(r"@import|url\((?!#)", page)
    svgs = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(svgs) == (3 if "against" in made else 2)
    for svg in svgs:
        ElementTree.fromstring(svg)
        # All drawn in the page's colours: nothing that is black on a dark page.
        assert not set(re.findall(r"(?:fill|stroke): (#\w+)", svg)) - {"#808080"}
        assert "var(--ink)" in svg
    assert {f"{variable}:" in page for variable in COLOURS.values()} == {True}
    assert "nan" not in shown.text.lower()


def test_names_stay_text() -> None:
    pytest.importorskip("matplotlib")
    odd = [call(n, ms, text=NASTY, fault=NASTY) for n, ms in enumerate(TIMES)]
    made = report(odd, calls(TIMES), names=(NASTY, "other"))
    page = Elements(as_html(made))
    assert "script" not in page.tags
    assert page.text.count("<script>alert(1)</script>") >= 4
    shown = rendered(as_markdown(made))
    assert "script" not in shown.tags
    assert "em" not in shown.tags
    assert NASTY.strip() in shown.text
