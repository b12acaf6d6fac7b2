"""`pull`: bring models into the store. The only part of voicebot.models that uses the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from voicebot.errors import ChecksumMismatch, DownloadError, ModelError
from voicebot.models.archive import member_chunks
from voicebot.models.derive import load_converter
from voicebot.models.disk import check, need_space, placing, remove_leftovers, writing
from voicebot.models.download import Downloader
from voicebot.models.index import ACCEPT, find_archive, index_url, project_url
from voicebot.models.manifest import Archive, Derivation, MembersSource, ModelFile, Source
from voicebot.models.progress import Progress, Silent
from voicebot.models.store import ModelStore, file_sha256

__all__ = ["pull"]

_HINT = (
    "Behind a proxy set HTTPS_PROXY, with a company's certificate SSL_CERT_FILE, "
    "for another package index VOICEBOT_INDEX_URL; what was downloaded so far is kept."
)


def pull(
    names: Iterable[str],
    store: ModelStore,
    progress: Progress | None = None,
    *,
    index: str | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Bring models into the store; what is there already is checked and left alone.

    Safe to run twice at once: the second waits for the first. Interrupted downloads go on where they stopped.

    Args:
        names: models of the manifest.
        store: where to.
        progress: who watches.
        index: package index to read archives from; by default see `voicebot.models.index.index_url`.
        pause: sleeps, in seconds, between attempts.

    Returns:
        The models that were fetched or made; the others were there already.

    Raises:
        ModelMissing: there is no such model.
        DownloadError: no source could be read; lists what was tried and why it failed.
        ModelError: the disk is full or read-only, or a conversion failed.
    """
    watcher = progress if progress is not None else Silent()
    wanted = [name for name in dict.fromkeys(names) if _wrong_files(store, name)]
    if not wanted:
        return []
    with _locked(store.root, watcher), Downloader(watcher, pause=pause) as downloader:
        puller = _Puller(store, watcher, downloader, index if index is not None else index_url())
        return [name for name in wanted if puller.model(name)]


def _wrong_files(store: ModelStore, name: str) -> list[ModelFile]:
    def right(file: ModelFile) -> bool:
        path = store.file(name, file)
        try:
            return path.stat().st_size == file.size and file_sha256(path) == file.sha256
        except OSError:
            return False

    return [file for file in store.model(name).files if not right(file)]


@contextmanager
def _locked(root: Path, progress: Progress) -> Iterator[None]:
    downloads = root / ".downloads"
    with writing(downloads):
        downloads.mkdir(parents=True, exist_ok=True)
        lock = FileLock(downloads / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.note("another pull is running; waiting for it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Puller:
    def __init__(self, store: ModelStore, progress: Progress, downloader: Downloader, index: str) -> None:
        self._store = store
        self._progress = progress
        self._downloader = downloader
        self._index = index
        self._archives: dict[str, Path | DownloadError | ChecksumMismatch] = {}

    def model(self, name: str) -> bool:
        """Fetch or make what is wrong of a model; whether there was anything to do."""
        files = _wrong_files(self._store, name)  # again: another process may have been here before us
        if not files:
            return False
        remove_leftovers(self._store.folder(name))
        need_space(self._store.root, sum(file.size for file in files))
        derivation = self._store.model(name).derive
        if derivation is not None:
            self.model(derivation.base)
            self._make(name, files[0], derivation)
            return True
        for file in files:
            self._fetch(name, file)
        self._remove_archives()  # not after a failure: the next pull goes on with what is there
        return True

    def _fetch(self, name: str, file: ModelFile) -> None:
        target = self._store.file(name, file)
        failures: list[str] = []
        for source in file.sources:
            try:
                self._fetch_from(source, name, file, target)
                return
            except (DownloadError, ChecksumMismatch) as error:
                failures.append(f"{_where(source, self._store)}: {error.message}")
                self._progress.note(f"{name}: {failures[-1]}")
        raise DownloadError(
            "\n  - ".join([f"{name}: {file.path} could not be fetched:", *failures]), hint=_HINT
        )

    def _fetch_from(self, source: Source, name: str, file: ModelFile, target: Path) -> None:
        if isinstance(source, MembersSource):
            # All archives first: a draft is only written when there is something to put in it.
            archives = [(self._archive(member.archive), member) for member in source.members]
            with placing(target) as draft, draft.open("xb") as stream:
                left = file.size
                for (path, archive), member in archives:
                    for chunk in member_chunks(path, member.path, filename=archive.filename):
                        left -= len(chunk)
                        if left < 0:
                            raise DownloadError(
                                f"{member.path} is longer than the expected {file.size} bytes."
                            )
                        stream.write(chunk)
                stream.flush()
                check(draft, size=file.size, sha256=file.sha256, what=file.path)
            return
        part = self._part(file.sha256, target.name)
        self._downloader.file(
            source.url, part, label=f"{name}/{file.path}", size=file.size, sha256=file.sha256
        )
        with placing(target) as draft:
            part.replace(draft)

    def _archive(self, key: str) -> tuple[Path, Archive]:
        """An archive's local file, downloaded once however many files come out of it."""
        archive = self._store.manifest.archives[key]
        known = self._archives.get(key)
        if known is None:
            try:
                known = self._download_archive(archive)
            except (DownloadError, ChecksumMismatch) as error:
                known = error
            self._archives[key] = known
        if isinstance(known, ModelError):
            raise known
        return known, archive

    def _download_archive(self, archive: Archive) -> Path:
        part = self._part(archive.sha256, archive.filename)
        page, content_type, page_url = self._downloader.text(
            project_url(self._index, archive.package), accept=ACCEPT
        )
        url = find_archive(page, content_type, page_url=page_url, filename=archive.filename)
        self._downloader.file(url, part, label=archive.filename, size=archive.size, sha256=archive.sha256)
        return part

    def _part(self, sha256: str, filename: str) -> Path:
        return self._store.root / ".downloads" / f"{sha256[:16]}-{filename}.part"

    def _remove_archives(self) -> None:
        for key, known in list(self._archives.items()):
            if isinstance(known, Path):
                known.unlink(missing_ok=True)
                del self._archives[key]

    def _make(self, name: str, file: ModelFile, derivation: Derivation) -> None:
        convert = load_converter(derivation.converter)
        self._progress.begin(f"{name} (converting {derivation.base})", file.size)
        try:
            with placing(self._store.file(name, file)) as draft:
                convert(self._store.path(derivation.base), draft, quantize=derivation.quantize)
                check(draft, size=file.size, sha256=file.sha256, what=f"The conversion {file.path}")
        finally:
            self._progress.end()


def _where(source: Source, store: ModelStore) -> str:
    if isinstance(source, MembersSource):
        archives = [store.manifest.archives[member.archive] for member in source.members]
        return " + ".join(dict.fromkeys(f"{archive.package} {archive.version}" for archive in archives))
    return urlsplit(source.url).hostname or source.url
