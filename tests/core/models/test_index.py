"""Reading package indexes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import DownloadError
from voicebot.models.index import find_archive, index_url, project_url

PAGE_URL = "https://index.example/simple/pkg/"
JSON, HTML = "application/vnd.pypi.simple.v1+json; charset=utf-8", "text/html"


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        (JSON, '{"files": [{"filename": "x", "url": "y"}, {"filename": "pkg-1.whl", "url": "LINK"}]}'),
        (
            HTML,
            '<html><a name="x">no link</a><a href="y/z-1.whl">z</a><a class="c" href="LINK">pkg-1.whl</a>',
        ),
    ],
)
@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://files.example/a/pkg-1.whl", "https://files.example/a/pkg-1.whl"),
        ("../../files/pkg-1.whl#sha256=00", "https://index.example/files/pkg-1.whl"),
        ("/pkg-1.whl", "https://index.example/pkg-1.whl"),
        ("//cdn.example/pkg-1.whl", "https://cdn.example/pkg-1.whl"),
    ],
)
def test_a_files_address_is_found(kind: str, page: str, link: str, url: str) -> None:
    found = find_archive(page.replace("LINK", link), kind, page_url=PAGE_URL, filename="pkg-1.whl")
    assert found == url


@pytest.mark.parametrize(
    ("kind", "page", "reason"),
    [
        (JSON, '{"files": []}', r"has no file pkg-1\.whl"),
        (HTML, "<html>Please log in", r"has no file pkg-1\.whl"),
        (HTML, '<a href="//[pkg-1.whl">', r"has no file pkg-1\.whl"),
        (JSON, '{"files": [{"filename": "pkg-1.whl", "url": "//["}]}', "broken address"),
        (JSON, "[]", "not a PEP 691 page"),
        (JSON, "<html>", "not a PEP 691 page"),
        (JSON, "[" * 100_000, "not a PEP 691 page"),
    ],
)
def test_a_page_without_it_is_a_download_error(kind: str, page: str, reason: str) -> None:
    with pytest.raises(DownloadError, match=reason):
        find_archive(page, kind, page_url=PAGE_URL, filename="pkg-1.whl")


@given(kind=st.sampled_from([JSON, HTML]), page=st.text() | st.text(alphabet='<>/!-[]&;#a="pkg1.whl \n{}:,'))
def test_any_page_gives_an_address_or_a_download_error(kind: str, page: str) -> None:
    try:
        found = find_archive(page, kind, page_url=PAGE_URL, filename="pkg-1.whl")
    except DownloadError:
        return
    assert "pkg-1.whl" in found


def test_the_index_is_ours_else_pips_else_pypi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOICEBOT_INDEX_URL", raising=False)
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    assert index_url() == "https://pypi.org/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple/")
    assert index_url() == "https://pip.example/simple/"
    monkeypatch.setenv("VOICEBOT_INDEX_URL", "https://ours.example/simple")
    assert project_url(index_url(), "My_Pkg.x") == "https://ours.example/simple/my-pkg-x/"
