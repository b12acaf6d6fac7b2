"""Reading members of archives, whole and damaged."""

from __future__ import annotations

import contextlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.core.models.conftest import sdist, wheel

from voicebot.errors import DownloadError
from voicebot.models.archive import member_chunks

BODY = bytes(range(256)) * 40

ARCHIVES = {"p-1.whl": wheel({"p/w": BODY}), "p-1.tar.gz": sdist({"p/w": BODY})}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archives") / "archive"


@pytest.mark.parametrize("filename", list(ARCHIVES))
def test_a_member_comes_out_as_it_went_in(archive: Path, filename: str) -> None:
    archive.write_bytes(ARCHIVES[filename])
    assert b"".join(member_chunks(archive, "p/w", filename=filename)) == BODY


def test_a_link_in_an_sdist_leads_nowhere_outside(archive: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as sdist:
        for name, kind in (("p/link", tarfile.SYMTYPE), ("p/folder", tarfile.DIRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, str(secret)
            sdist.addfile(info)
    archive.write_bytes(stream.getvalue())
    for name in ("p/link", "p/folder"):
        with pytest.raises(DownloadError):
            list(member_chunks(archive, name, filename="p-1.tar.gz"))


@pytest.mark.parametrize("filename", list(ARCHIVES))
@given(noise=st.binary(max_size=300))
def test_random_bytes_are_a_download_error(archive: Path, filename: str, noise: bytes) -> None:
    archive.write_bytes(noise)
    with pytest.raises(DownloadError):
        list(member_chunks(archive, "p/w", filename=filename))


@pytest.mark.parametrize("filename", list(ARCHIVES))
@given(place=st.floats(0, 1, exclude_max=True), cut=st.floats(0, 1), patch=st.binary(min_size=1, max_size=8))
@example(place=0.0, cut=1.0, patch=b"\xff" * 8)
def test_damage_is_a_download_error_or_harmless(
    archive: Path, filename: str, place: float, cut: float, patch: bytes
) -> None:
    body = bytearray(ARCHIVES[filename])
    at = int(place * len(body))
    body[at : at + len(patch)] = patch
    archive.write_bytes(body[: max(at, int(cut * len(body)))])
    with contextlib.suppress(DownloadError):
        list(member_chunks(archive, "p/w", filename=filename))
