"""Finding an archive's address on a Python package index (PEP 691 JSON, or PEP 503 HTML)."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from voicebot.errors import DownloadError

__all__ = ["ACCEPT", "find_archive", "index_url", "project_url", "without_password"]

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


def index_url() -> str:
    """The index to ask: `VOICEBOT_INDEX_URL`, else pip's `PIP_INDEX_URL`, else PyPI."""
    return (
        os.environ.get("VOICEBOT_INDEX_URL") or os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
    )


def project_url(index: str, package: str) -> str:
    """The page of one package, with its name normalised as PEP 503 says."""
    return f"{index.rstrip('/')}/{re.sub(r'[-_.]+', '-', package).lower()}/"


def without_password(url: str) -> str:
    """The address as it may be shown."""
    return re.sub(r"//[^/@]*@", "//", url)


def find_archive(page: str, content_type: str, *, page_url: str, filename: str) -> str:
    """The address of a file named on a package's page.

    Args:
        page: the index's answer.
        content_type: as the index declared it.
        page_url: where the answer came from; addresses in it may be relative to it.
        filename: the file wanted.

    Raises:
        DownloadError: the answer is not an index page, or does not name the file.
    """
    links = _json_links(page) if "json" in content_type.lower() else _html_links(page)
    for name, url in links:
        if name == filename:
            try:
                return urldefrag(urljoin(page_url, url)).url
            except ValueError as error:  # such as an unclosed [ of an IPv6 host
                raise DownloadError(f"the index gives a broken address for {filename}: {url!r}.") from error
    raise DownloadError(f"the index {without_password(page_url)} has no file {filename}.")


def _json_links(page: str) -> list[tuple[str, str]]:
    try:
        files = json.loads(page)["files"]
        return [(file["filename"], file["url"]) for file in files if isinstance(file["url"], str)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DownloadError("the index's answer is not a PEP 691 page.") from error


def _html_links(page: str) -> list[tuple[str, str]]:
    parser = _Anchors()
    parser.feed(page)
    return parser.links


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        url = dict(attrs).get("href")
        if tag == "a" and url:
            try:
                path = urlsplit(url).path
            except ValueError:
                return
            self.links.append((unquote(path.rpartition("/")[2]), url))
