"""Links between files lead somewhere as they stand, as where the repository is shown on the web."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from tests.docs.reading import FENCE, PAGES, ROOT, name

LINK = re.compile(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?\)")


def anchors(page: Path) -> set[str]:
    """What headings are called there: lower case, no punctuation, a number behind one that is there already."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    slugs = [
        re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", title)).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.M)
    ]
    seen: Counter[str] = Counter()
    found = set()
    for slug in slugs:
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        file = page.parent / target if target else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_nothing_waits_to_be_filled_in(page: Path) -> None:
    assert (
        re.findall(r"^[A-Z][A-Z_]{3,}$|\bTODO\b", FENCE.sub("", page.read_text(encoding="utf-8")), re.M) == []
    )


def test_every_bundled_plugin_has_a_page() -> None:
    assert {folder.name for folder in (ROOT / "plugins").iterdir() if folder.is_dir()} == {
        page.parent.name for page in ROOT.glob("plugins/*/README.md")
    }
