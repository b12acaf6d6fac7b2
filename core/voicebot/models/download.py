"""Downloading one file: resumable, patient with what may pass, quick to give up on what will not."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import httpx

from voicebot._version import __version__
from voicebot.errors import ChecksumMismatch, DownloadError
from voicebot.models.disk import check, need_space, writing
from voicebot.models.index import without_password
from voicebot.models.progress import Progress

__all__ = ["Downloader"]

_T = TypeVar("_T")

_TIMEOUT = httpx.Timeout(30, connect=5)
_ATTEMPTS = 5
_CONNECT_ATTEMPTS = 2
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_ENOUGH = 1 << 20
"""Bytes gained that make a broken attempt count as progress: a bad line still delivers a large file."""


class _PassingError(Exception):
    """Worth another try."""

    def __init__(self, reason: str, *, gained: int = 0, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.gained = gained
        self.unreachable = unreachable


class Downloader:
    """An HTTP client that retries, and asks an unreachable host no more.

    Certificates come from the system (or `SSL_CERT_FILE`), proxies from the usual environment variables.
    """

    def __init__(self, progress: Progress, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = httpx.Client(
            verify=ssl.create_default_context(),
            follow_redirects=True,
            timeout=_TIMEOUT,
            headers={"User-Agent": f"voicebot/{__version__}"},
        )
        self._progress = progress
        self._pause = pause
        self._unreachable: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def text(self, url: str, *, accept: str) -> tuple[str, str, str]:
        """A page's text, content type and final address.

        Raises:
            DownloadError: it cannot be had.
        """

        def attempt() -> tuple[str, str, str]:
            try:
                response = self._client.get(url, headers={"Accept": accept})
            except httpx.TransportError as error:
                raise _passing(error) from error
            _expect(response, 200)
            return response.text, response.headers.get("Content-Type", ""), str(response.url)

        return self._patiently(url, attempt)

    def file(self, url: str, part: Path, *, label: str, size: int, sha256: str) -> None:
        """Download into `part`, going on from what an earlier attempt left there.

        Raises:
            DownloadError: it cannot be had.
            ChecksumMismatch: it has other bytes than expected; `part` is removed.
            ModelError: the disk is full or read-only.
        """
        leftover = _size(part) > 0
        need_space(part.parent, size - min(size, _size(part)))
        self._progress.begin(label, size, _size(part))
        try:
            while True:
                if _size(part) != size:
                    self._patiently(url, lambda: self._receive(url, part, size))
                try:
                    check(part, size=size, sha256=sha256, what=label)
                    return
                except ChecksumMismatch:
                    part.unlink()
                    if not leftover:
                        raise
                leftover = False
                self._progress.note(f"{label}: what an earlier download left is of no use; starting again")
        finally:
            self._progress.end()

    def _receive(self, url: str, part: Path, size: int) -> None:
        have = _size(part)
        if have >= size:  # of another file
            part.unlink()
            have = 0
        headers = {
            "Accept-Encoding": "identity"
        }  # with compression on the way, Range would count other bytes
        if have:
            headers["Range"] = f"bytes={have}-"
        done = have
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                resumes = response.status_code == 206 and _starts_at(response, have)
                if have and not resumes and response.status_code in {206, 416}:
                    part.unlink()
                    raise _PassingError("the server cannot resume this download")
                if not resumes:
                    _expect(response, 200)
                    done = have = 0
                length = response.headers.get("Content-Length")
                if length is not None and int(length) != size - have:
                    raise DownloadError(f"the server has {int(length) + have} bytes, expected {size}.")
                with writing(part), part.open("ab" if resumes else "wb") as stream:
                    for chunk in response.iter_raw():
                        done += len(chunk)
                        if done > size:
                            raise DownloadError(f"the server sends more than the expected {size} bytes.")
                        stream.write(chunk)
                        self._progress.update(done)
        except httpx.TransportError as error:
            raise _passing(error, gained=done - have) from error
        if done < size:
            raise _PassingError("the connection ended early", gained=done - have)

    def _patiently(self, url: str, attempt: Callable[[], _T]) -> _T:
        """Try, and try again after a while if what went wrong may pass."""
        failures = 0
        try:
            host = httpx.URL(url).netloc.decode("ascii")
            while True:
                if host in self._unreachable:
                    raise DownloadError(self._unreachable[host])
                try:
                    return attempt()
                except _PassingError as error:
                    failures = 1 if error.gained >= _ENOUGH else failures + 1
                    if error.unreachable and failures >= _CONNECT_ATTEMPTS:
                        self._unreachable[host] = f"{error}."
                    elif failures >= _ATTEMPTS:
                        raise DownloadError(f"{error} ({failures} attempts).") from error
                    else:
                        wait = min(8.0, 0.5 * 2.0 ** (failures - 1))
                        self._progress.note(f"{error}; trying again in {wait:g} s")
                        self._pause(wait)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DownloadError(f"{without_password(url)}: {error}.") from error


def _passing(error: httpx.TransportError, *, gained: int = 0) -> Exception:
    """What a transport error means: worth another try, or a plain mistake in the address."""
    if isinstance(error, httpx.UnsupportedProtocol):
        return DownloadError(f"{error}.")
    host = error.request.url.host
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return _PassingError(f"{host} cannot be reached ({_reason(error)})", unreachable=True)
    return _PassingError(f"{host}: {_reason(error)}", gained=gained)


def _reason(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__


def _expect(response: httpx.Response, status: int) -> None:
    if response.status_code == status:
        return
    answer = f"{response.url.host} answered {response.status_code} {response.reason_phrase}".rstrip()
    raise _PassingError(answer) if response.status_code in _PASSING else DownloadError(f"{answer}.")


def _starts_at(response: httpx.Response, offset: int) -> bool:
    return bool(response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
