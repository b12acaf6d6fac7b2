"""sfu/worker/ensure.py: where the mediasoup worker is taken from, and what it says when it cannot be had."""

from __future__ import annotations

import fcntl
import gzip
import importlib.util
import io
import json
import os
import random
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SFU = Path(__file__).parents[2] / "sfu"
SCRIPT = SFU / "worker" / "ensure.py"
INSTALLED = SFU / "node_modules" / "mediasoup"
STARTS = b"#!/bin/sh\nexit 41\n"
CRASHES = b"#!/bin/sh\necho GLIBC_2.99 not found >&2\nexit 1\n"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sfu_worker_ensure", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # puts its own folder on sys.path, as when it is run
    return module


ensure = load()
place_of: Any = importlib.import_module("mediasoup_worker.place")
prebuilt: Any = importlib.import_module("mediasoup_worker.prebuilt")
recipe: Any = importlib.import_module("mediasoup_worker.recipe")
debian: Any = importlib.import_module("mediasoup_worker.debian")
building: Any = importlib.import_module("mediasoup_worker.build")
progress: Any = importlib.import_module("mediasoup_worker.progress")


def executable(path: Path, content: bytes = STARTS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def archive(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in (("README", b"not this one"), ("mediasoup-worker", content)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


class Releases(ThreadingHTTPServer):
    """Stands where GitHub's releases are; `body` None answers 404."""

    body: bytes | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Releases

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(404 if self.server.body is None else 200)
        self.end_headers()
        self.wfile.write(self.server.body or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    with Releases() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        base = f"http://127.0.0.1:{server.server_address[1]}/releases/download"
        monkeypatch.setenv("MEDIASOUP_WORKER_PREBUILT_DOWNLOAD_BASE_URL", base)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIASOUP_WORKER_BIN", raising=False)
    # Port 9 of loopback, where nobody listens: no test leaves the machine.
    monkeypatch.setenv("MEDIASOUP_WORKER_PREBUILT_DOWNLOAD_BASE_URL", "http://127.0.0.1:9/releases")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place(tmp_path: Path) -> Any:
    package = tmp_path / "sfu" / "node_modules" / "mediasoup"
    package.mkdir(parents=True)
    fields = {
        "name": "mediasoup",
        "version": "3.15.8",
        "repository": {"url": "git+https://example.invalid/m.git"},
    }
    (package / "package.json").write_text(json.dumps(fields))
    return place_of.read_place(package, tmp_path / "cache")


def no_build(place: Any) -> Path:
    raise AssertionError("a build was started")


def fake_build(place: Any) -> Path:
    path: Path = place_of.keep(place, executable(place.cache / "fresh"), "source")
    return path


def test_worker_of_the_environment_comes_first(
    place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(place.binary)
    mine = executable(tmp_path / "mine")
    monkeypatch.setenv("MEDIASOUP_WORKER_BIN", str(mine))
    assert ensure.ensure(place) == mine


def test_worker_of_the_environment_that_does_not_start_is_an_error_not_a_build(
    place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEDIASOUP_WORKER_BIN", str(executable(tmp_path / "mine", CRASHES)))
    monkeypatch.setattr(ensure, "build", no_build)
    assert ensure.main(["--package", str(place.package)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "exits with 1 where a mediasoup-worker exits with 41: GLIBC_2.99 not found" in printed.err
    assert len(printed.err.splitlines()) == 1


def test_cache_hit_does_nothing(place: Any, monkeypatch: pytest.MonkeyPatch, releases: Releases) -> None:
    monkeypatch.setattr(ensure, "build", no_build)
    executable(place.binary)
    before = sorted(place.cache.rglob("*"))
    assert ensure.ensure(place) == place.binary
    assert sorted(place.cache.rglob("*")) == before
    assert releases.asked == []


def test_cached_worker_that_no_longer_starts_is_replaced(
    place: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    executable(place.binary, CRASHES)
    monkeypatch.setattr(ensure, "build", fake_build)
    assert place_of.why_not(ensure.ensure(place)) is None
    assert "is of no use: it exits with 1" in capsys.readouterr().err


def test_prebuilt_is_asked_for_under_mediasoups_own_name_and_kept(
    place: Any, monkeypatch: pytest.MonkeyPatch, releases: Releases
) -> None:
    monkeypatch.setattr(ensure, "build", no_build)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.release", lambda: "6.1.0-18-amd64")
    releases.body = archive(STARTS)
    path = ensure.ensure(place)
    assert path == place.cache / "3.15.8-linux-x64" / "mediasoup-worker"
    assert path.read_bytes() == STARTS
    assert ensure.ensure(place) == path
    assert releases.asked == ["/releases/download/3.15.8/mediasoup-worker-3.15.8-linux-x64-kernel6.tgz"]
    assert not place.building.exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (archive(CRASHES), "does not run here: it exits with 1"),
        (None, "answers 404"),
        (b"<html>sign in first</html>", "could not be read"),
        (archive(STARTS + random.Random(1).randbytes(20000))[:9000], "could not be read"),
        (gzip.compress(bytes(10240)), "holds no mediasoup-worker"),
    ],
    ids=["crashes", "404", "html", "cut short", "empty"],
)
def test_prebuilt_that_is_no_good_is_refused_and_the_source_is_built(
    body: bytes | None,
    said: str,
    place: Any,
    monkeypatch: pytest.MonkeyPatch,
    releases: Releases,
    capsys: pytest.CaptureFixture[str],
) -> None:
    releases.body = body
    monkeypatch.setattr(ensure, "build", fake_build)
    assert place_of.why_not(ensure.ensure(place)) is None
    assert place.origin.read_text() == "source\n"
    assert said in capsys.readouterr().err


def test_no_way_out_is_said_and_the_source_is_built(
    place: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ensure, "build", fake_build)
    assert ensure.ensure(place) == place.binary
    assert "cannot be reached" in capsys.readouterr().err


def test_source_only_takes_no_prebuilt_not_even_a_cached_one(
    place: Any, monkeypatch: pytest.MonkeyPatch, releases: Releases
) -> None:
    releases.body = archive(STARTS)
    ensure.ensure(place)
    monkeypatch.setattr(ensure, "build", fake_build)
    ensure.ensure(place, source_only=True)
    assert place.origin.read_text() == "source\n"
    monkeypatch.setattr(ensure, "build", no_build)
    ensure.ensure(place, source_only=True)
    assert len(releases.asked) == 1


def test_rebuild_passes_by_the_environment_and_the_cache(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASOUP_WORKER_BIN", str(executable(place.binary, STARTS + b"# old\n")))
    monkeypatch.setattr(ensure, "build", fake_build)
    assert ensure.ensure(place, rebuild=True).read_bytes() == STARTS


def test_second_process_waits_and_takes_what_the_first_made(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Event()
    monkeypatch.setattr(ensure, "build", no_build)
    monkeypatch.setattr(ensure, "say", lambda text: waiting.set() if "waiting" in text else None)
    place.cache.mkdir(parents=True)
    result: list[Path] = []
    thread = threading.Thread(target=lambda: result.append(ensure.ensure(place)))
    with place.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread.start()
        assert waiting.wait(20)
        executable(place.binary)
    thread.join(20)
    assert result == [place.binary]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_download_is_a_worker_or_a_reason(tmp_path: Path, data: st.DataObject) -> None:
    good = archive(STARTS)
    at = data.draw(st.integers(0, len(good)))
    tail = data.draw(st.binary(max_size=64))
    inner = gzip.decompress(good)
    cut = data.draw(st.integers(0, 1600))
    body = data.draw(
        st.sampled_from([good[:at] + tail, good[:at] + tail + good[at + len(tail) :], tail])
        | st.just(gzip.compress(inner[:cut] + tail + inner[cut + len(tail) :]))
    )
    source, target = tmp_path / "download.tgz", tmp_path / "out"
    source.write_bytes(body)
    target.unlink(missing_ok=True)
    try:
        prebuilt._download(source.as_uri(), target)
    except prebuilt.NoPrebuilt:
        return
    assert target.is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["download.tgz", "out"]


@pytest.mark.parametrize("times", [0, 2])
def test_patch_that_does_not_fit_is_refused(tmp_path: Path, times: int) -> None:
    (tmp_path / "a.cpp").write_text("int x = 1;\n" * times)
    with pytest.raises(
        place_of.UserError, match=rf"a\.cpp does not fit: 'int x = 1;' is there {times} times"
    ):
        recipe.apply(recipe.Patch("a.cpp", "int x = 1;", "int x = 2;"), tmp_path)
    assert "2" not in (tmp_path / "a.cpp").read_text()


def test_patch_of_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(place_of.UserError, match=r"a\.cpp, which a patch is for, cannot be read"):
        recipe.apply(recipe.Patch("a.cpp", "x", "y"), tmp_path)


def test_wrap_without_a_stand_in_is_refused(tmp_path: Path) -> None:
    for name in ("openssl", "liburing", "quiche"):
        (tmp_path / f"{name}.wrap").touch()
    with pytest.raises(place_of.UserError, match="this mediasoup needs quiche, for which"):
        recipe.replace_subprojects(tmp_path)


@pytest.mark.skipif(not INSTALLED.is_dir(), reason="needs `npm ci --ignore-scripts` in sfu/")
def test_recipe_fits_the_installed_mediasoup(tmp_path: Path) -> None:
    tree = tmp_path / "worker"
    recipe.prepare(INSTALLED / "worker", tree)
    assert list(tree.rglob("*.wrap")) == []
    for patch in recipe.PATCHES:
        assert patch.new in (tree / patch.file).read_text()
        assert patch.old in (INSTALLED / "worker" / patch.file).read_text()
    asked = set()
    for file in (tree / "meson.build", tree / "deps" / "libwebrtc" / "meson.build"):
        text = file.read_text()
        projects = dict(re.findall(r"(\w+_proj) = subproject\(\s*'([^']+)'", text))
        asked |= {
            (projects[variable], name)
            for variable, name in re.findall(r"(\w+_proj)\.get_variable\('(\w+)'\)", text)
            if variable in projects and projects[variable] not in {"liburing", "wingetopt"}
        }
    assert len(asked) >= 12
    for project, name in asked:
        assert re.search(rf"^{name} = ", (tree / "subprojects" / project / "meson.build").read_text(), re.M)


def only_commands(monkeypatch: pytest.MonkeyPatch, folder: Path, **commands: str) -> None:
    folder.mkdir()
    for name, script in commands.items():
        executable(folder / name, f"#!/bin/sh\n{script}\n".encode())
    monkeypatch.setenv("PATH", str(folder))


def with_source(place: Any) -> None:
    (place.package / "worker").mkdir()
    (place.package / "worker" / "meson.build").write_text("project('x')\n")


def test_missing_packages_without_root_are_one_line_to_run(
    place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_source(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    commands = dict.fromkeys(("cc", "c++", "flatc", "apt-get"), "exit 0")
    only_commands(
        monkeypatch,
        tmp_path / "bin",
        **commands,
        **{"pkg-config": '[ "$2" != usrsctp ] && [ "$2" != libuv ]'},
    )
    assert ensure.main(["--source-only", "--package", str(place.package)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "mediasoup-worker: the build needs packages: "
        "run `sudo apt-get install -y libusrsctp-dev libuv1-dev`, then this again."
    ]


def test_bare_machine_asks_for_everything_the_readme_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_commands(monkeypatch, tmp_path / "bin")
    readme = (SFU / "worker" / "README.md").read_text()
    assert len(debian.missing()) >= 10
    assert [name for name in debian.missing() if name not in readme] == []


def test_root_installs_and_says_so_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "APT_LISTS", tmp_path / "no lists")
    only_commands(monkeypatch, tmp_path / "bin", **{"apt-get": f'echo "$@" >>{tmp_path}/ran'})
    with (tmp_path / "log").open("wb") as log:
        debian.ensure(log, ["libuv1-dev", "g++"])
    assert capsys.readouterr().err == "installing Debian packages: libuv1-dev g++\n"
    assert (tmp_path / "ran").read_text() == "update\ninstall -y --no-install-recommends libuv1-dev g++\n"


def test_apt_that_fails_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    only_commands(monkeypatch, tmp_path / "bin", **{"apt-get": "exit 100"})
    with (
        (tmp_path / "log").open("wb") as log,
        pytest.raises(place_of.UserError, match="install g\\+\\+ by hand"),
    ):
        debian.ensure(log, ["g++"])


def test_failed_step_shows_the_end_of_the_log_and_where_it_is(tmp_path: Path) -> None:
    script = "import sys\nfor n in range(90): print('line', n)\nsys.exit(3)"
    with (
        (tmp_path / "log").open("wb") as log,
        pytest.raises(building.BuildFailed, match=r"compiling failed \(exit code 3\)") as caught,
    ):
        building.run_step("compiling", [sys.executable, "-c", script], dict(os.environ), log)
    lines = str(caught.value).splitlines()
    assert lines[1:-1] == [f"  line {n}" for n in range(90 - building.TAIL_LINES, 90)]
    assert lines[-1] == f"The log: {tmp_path}/log"
    assert b"line 0\n" in (tmp_path / "log").read_bytes()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_moves_on_a_terminal_and_is_sparse_in_a_log() -> None:
    clock = iter(range(0, 1000))
    terminal, log = Terminal(), io.StringIO()
    for out in (terminal, log):
        bar = progress.Progress("compiling", out, lambda: float(next(clock)))
        for n in range(1, 223):
            bar.feed(f"[{n}/222] Compiling C++ object x.o")
            bar.feed("a warning")
        bar.feed("[9/0] nonsense")
        bar.close()
    assert terminal.getvalue().count("\r") == 222
    assert terminal.getvalue().splitlines()[-1].startswith("compiling [222/222] 3:42 ██")
    assert len(log.getvalue().splitlines()) == 10
    assert log.getvalue().splitlines()[-1].startswith("compiling [222/222]")


def test_package_that_is_not_there_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(place_of.UserError, match="npm ci --ignore-scripts"):
        place_of.find_package(tmp_path)


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        '{"name": "ws"}',
        '{"name": "mediasoup"}',
        '{"name":"mediasoup","version":"../..","repository":{"url":"x"}}',
    ],
)
def test_package_that_is_not_mediasoup_is_refused(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "package.json").write_text(manifest)
    with pytest.raises(place_of.UserError, match=r"package\.json"):
        place_of.read_place(tmp_path)


def test_run_as_a_command_the_last_line_of_stdout_is_the_path(place: Any, tmp_path: Path) -> None:
    mine = executable(tmp_path / "mine")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--package", str(place.package)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MEDIASOUP_WORKER_BIN": str(mine)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.splitlines()[-1:], done.stderr) == (0, [str(mine)], "")
