"""The documentation as a site: one strict build, then what it wrote."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from tests.docs.reading import FENCE, PAGES, ROOT, name

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "audio": "src"}
"""What a browser asks for by itself."""


@dataclass
class Written(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value for key, value in attrs if value}
        self.ids |= {found[key] for key in ("id", "name") if key in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in FETCHED and found.get("rel") != "canonical" and FETCHED[tag] in found:
            self.fetched.append(found[FETCHED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "WARN" not in built.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Written]:
    found = {}
    for file in site.rglob("*.html"):
        if file.name == "404.html":
            continue  # it is served for every address, so its links begin at the root
        found[file] = written = Written()
        written.feed(file.read_text(encoding="utf-8"))
        written.close()
    return found


def test_every_link_leads_to_a_page_and_a_place_in_it(site: Path, pages: dict[Path, Written]) -> None:
    wrong = set()
    for page, written in pages.items():
        for link in (*written.links, *written.fetched):
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            missing = unquote(parts.fragment) not in (pages[target].ids if target in pages else ())
            if not target.is_file() or (parts.fragment and target.suffix == ".html" and missing):
                wrong.add((page.relative_to(site).as_posix(), link))
    assert len(pages) > 40
    assert wrong == set()


def test_nothing_is_fetched_from_another_host(pages: dict[Path, Written]) -> None:
    fetched = {link for written in pages.values() for link in written.fetched}
    assert fetched
    assert [link for link in fetched if urlsplit(link).netloc] == []


def test_every_page_is_found_from_the_menu() -> None:
    nav = yaml.load((ROOT / "mkdocs.yml").read_text(), yaml.BaseLoader)["nav"]
    entries = [entry for group in nav for entries in group.values() for entry in entries]
    named = {page for entry in entries for page in (entry.values() if isinstance(entry, dict) else [entry])}
    assert {page for page in named if "/" not in page} == {
        *(page.name for page in (ROOT / "docs").glob("*.md")),
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    }


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_belongs_to_a_list_is_indented_by_four(page: Path) -> None:
    """Less is enough on the web's code hosts, and ends the list here."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    assert re.findall(r"^ {1,3}(?:\||```|[-*] ).*$", text, re.M) == []
