from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.core.doctor.conftest import MakePatient
from tests.core.doctor.support import look, only

from voicebot.errors import EngineError


def test_a_missing_package(make_patient: MakePatient, make_distribution: Callable[..., Path]) -> None:
    source = (
        "from demo_plugin import Tts\nfrom voicebot.interfaces import Capabilities\n"
        "class X(Tts):\n  capabilities = Capabilities(modules=('no_such_engine',), extra='piper')"
    )
    make_distribution("lacking", {"voicebot.tts": {"lacking": "lack_plugin:X"}}, {"lack_plugin": source})
    assert only(look("packages", make_patient())).level == "ok"
    finding = only(look("packages", make_patient(tts=["demo", "lacking"])))
    assert finding.level == "fail"
    assert "no_such_engine" in finding.what
    assert finding.do == "Run: pip install 'voicebot-kit[piper]'"


def test_a_missing_model(make_patient: MakePatient, tmp_path: Path) -> None:
    finding = only(look("models", make_patient(vad="silero")))
    assert finding.level == "fail"
    assert finding.do == "Fetch it with: voicebot models pull silero-vad"
    (tmp_path / "mine.gguf").write_bytes(b"x")
    assert (
        only(look("models", make_patient(vad="demo", llm={"use": "demo", "model": "./mine.gguf"}))).level
        == "ok"
    )


@pytest.mark.parametrize("transport", ["webrtc", "mediasoup"])
def test_no_libopus(make_patient: MakePatient, monkeypatch: pytest.MonkeyPatch, transport: str) -> None:
    patient = make_patient(transport=transport)
    assert only(look("sound", patient)).level == "ok"

    def missing() -> None:
        raise EngineError("libopus is not here", hint="Install it.")

    # First the one that has a name of its own for it: importing it takes what is there then.
    monkeypatch.setattr("voicebot_transport_mediasoup.provider.load_opus", missing)
    monkeypatch.setattr("voicebot.rtp.opus.load_opus", missing)
    finding = only(look("sound", patient))
    assert (finding.level, finding.what, finding.do) == ("fail", "libopus is not here", "Install it.")


# --- the SFU ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sfu_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An SFU's folder that has everything, a Node.js, and a worker in the cache."""
    folder = tmp_path / "sfu"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.js").write_text("")
    (folder / "node_modules" / "mediasoup").mkdir(parents=True)
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v20.1.0\n")
    worker = tmp_path / "cache" / "voicebot" / "mediasoup-worker" / "3-linux" / "mediasoup-worker"
    worker.parent.mkdir(parents=True)
    worker.write_text("#!/bin/sh\nexit 41\n")
    node.chmod(0o755)
    worker.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MEDIASOUP_WORKER_BIN", raising=False)
    return folder


def _sfu(make_patient: MakePatient, sfu_dir: Path) -> tuple[str, str, str]:
    settings = {"dir": str(sfu_dir), "node": str(sfu_dir.parent / "node")}
    finding = only(look("sfu", make_patient(transport={"use": "mediasoup", "sfu": settings})))
    return finding.level, finding.what, finding.do


def test_an_sfu_that_could_start(make_patient: MakePatient, sfu_dir: Path) -> None:
    assert _sfu(make_patient, sfu_dir)[0] == "ok"


def test_no_node(make_patient: MakePatient, sfu_dir: Path) -> None:
    (sfu_dir.parent / "node").unlink()
    level, what, do = _sfu(make_patient, sfu_dir)
    assert level == "fail"
    assert "Node.js is not here" in what
    assert "setup.sh" in do


def test_an_old_node(make_patient: MakePatient, sfu_dir: Path) -> None:
    (sfu_dir.parent / "node").write_text("#!/bin/sh\necho v18.19.0\n")
    level, what, _ = _sfu(make_patient, sfu_dir)
    assert level == "fail"
    assert "v18.19.0" in what


def test_no_packages(make_patient: MakePatient, sfu_dir: Path) -> None:
    (sfu_dir / "node_modules" / "mediasoup").rmdir()
    level, what, _ = _sfu(make_patient, sfu_dir)
    assert level == "fail"
    assert "packages are not installed" in what


def test_no_worker_yet_is_built_by_nobody(make_patient: MakePatient, sfu_dir: Path) -> None:
    (worker,) = (sfu_dir.parent / "cache").rglob("mediasoup-worker/3-linux/mediasoup-worker")
    worker.unlink()
    level, what, do = _sfu(make_patient, sfu_dir)
    assert level == "warn"
    assert "not there yet" in what
    assert "setup.sh" in do


def test_a_worker_that_does_not_start(make_patient: MakePatient, sfu_dir: Path) -> None:
    (worker,) = (sfu_dir.parent / "cache").rglob("mediasoup-worker/3-linux/mediasoup-worker")
    worker.write_text("#!/bin/sh\nexit 127\n")
    level, what, do = _sfu(make_patient, sfu_dir)
    assert level == "fail"
    assert f"does not start: {worker}" in what
    assert "setup.sh" in do


def test_a_worker_of_ones_own_that_is_none(
    make_patient: MakePatient, sfu_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "MEDIASOUP_WORKER_BIN", "/no/such/worker")
    level, what, _ = _sfu(make_patient, sfu_dir)
    assert level == "fail"
    assert "/no/such/worker" in what


def test_other_transports_have_none(make_patient: MakePatient) -> None:
    assert look("sfu", make_patient(transport="webrtc")) == []


# --- folders ----------------------------------------------------------------------------------------------------------


def test_a_socket_folder_that_is_a_file(make_patient: MakePatient, tmp_path: Path) -> None:
    patient = make_patient(transport={"use": "webrtc", "socket": "run/front.sock"})
    assert only(look("folders", patient)).level == "ok"
    (tmp_path / "run").write_text("")
    finding = only(look("folders", patient))
    assert finding.level == "fail"
    assert finding.what == f"transport.socket: {tmp_path / 'run'} cannot be written"
    assert "install -d -o" in finding.do


def test_where_calls_are_kept(
    make_patient: MakePatient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"folder": "kept", "audit": True, "consent": "given"}
    patient = make_patient(transport="webrtc", keep=kept)
    assert "kept" in only(look("folders", patient)).what
    # Root may write everywhere, so what the system says is replaced.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    finding = only(look("folders", patient))
    assert finding.what == f"keep.folder: {tmp_path / 'kept'} cannot be written"
    assert only(look("folders", make_patient(keep=kept | {"audit": False}))).level == "ok"


# --- cores and memory -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "calls", "threads", "level", "mend"),
    [
        (4, 2, 2, "ok", ""),
        (4, 3, 2, "warn", "lower `calls` to 2"),
        (1, 1, 1, "warn", "two cores"),
        (2, 1, 4, "fail", "threads.llm to 2"),
    ],
)
def test_too_few_cores(
    make_patient: MakePatient,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    calls: int,
    threads: int,
    level: str,
    mend: str,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)))
    finding = only(look("cores", make_patient(calls=calls, threads={"llm": threads})))
    assert finding.level == level
    assert mend in finding.do


def test_too_little_memory(
    make_patient: MakePatient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("voicebot.doctor.machine.memory_limit.__defaults__", (limit,))
    weights = tmp_path / "large.gguf"
    with weights.open("wb") as file:
        file.truncate(700_000_000)
    patient = make_patient(calls=2, llm={"use": "demo", "model": "./large.gguf"})
    need = 2 * (200 + 700)
    for free, level in ((need / 0.6, "ok"), (need / 0.9, "warn"), (need / 1.1, "fail")):
        limit.write_text(str(int(free * 1e6)))
        finding = only(look("memory", patient))
        assert finding.level == level, finding
        assert f"about {need} MB" in finding.what


def test_no_limit_of_memory(tmp_path: Path) -> None:
    from voicebot.doctor.machine import memory_limit

    assert memory_limit(tmp_path / "none") is None
    (tmp_path / "max").write_text("max\n")
    assert memory_limit(tmp_path / "max") is None
