from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from voicebot.errors import EngineError
from voicebot.link.settings import FrontSettings, socket_path


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_one_socket_per_port_in_a_private_folder(runtime: Path) -> None:
    (runtime / "voicebot").mkdir(mode=0o755)
    assert socket_path(FrontSettings(port=1234)) == runtime / "voicebot" / "1234.sock"
    assert (runtime / "voicebot").stat().st_mode & 0o777 == 0o700
    assert socket_path(FrontSettings(port=1235)) == runtime / "voicebot" / "1235.sock"


def test_without_a_runtime_folder_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    # platformdirs warns there, and a warning fails the test.
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert socket_path(FrontSettings()).name == "8080.sock"


def test_a_given_one_is_relative_to_the_profile(tmp_path: Path) -> None:
    assert socket_path(FrontSettings(socket=Path("a.sock")), tmp_path) == tmp_path / "a.sock"
    assert socket_path(FrontSettings(socket=Path("/run/a.sock")), tmp_path) == Path("/run/a.sock")
    assert socket_path(FrontSettings(socket=Path("~/a.sock"))) == Path.home() / "a.sock"


def test_a_path_that_no_socket_can_have(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="longer than 107 bytes") as error:
        socket_path(FrontSettings(socket=tmp_path / ("ä" * 60)))
    assert "transport.socket" in error.value.hint


def test_a_folder_that_is_none(runtime: Path) -> None:
    (runtime / "voicebot").write_text("")
    with pytest.raises(EngineError, match="cannot be made") as error:
        socket_path(FrontSettings())
    assert "transport.socket" in error.value.hint


def test_a_link_to_somewhere_else(runtime: Path) -> None:
    (runtime / "elsewhere").mkdir()
    (runtime / "voicebot").symlink_to(runtime / "elsewhere")
    with pytest.raises(EngineError, match="not a folder of this user"):
        socket_path(FrontSettings())


def test_a_folder_of_another_user(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    with pytest.raises(EngineError, match="not a folder of this user"):
        socket_path(FrontSettings())


@pytest.fixture
def no_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What platformdirs falls back on: a folder in /tmp, which anybody can have made."""
    folder = tmp_path / "runtime-0"
    folder.mkdir()
    monkeypatch.setattr(platformdirs, "user_runtime_path", lambda _: folder / "voicebot")
    return folder


@pytest.mark.parametrize(("mode", "is_safe"), [(0o700, True), (0o755, True), (0o1777, True), (0o777, False)])
def test_a_folder_that_others_could_replace(no_runtime: Path, mode: int, is_safe: bool) -> None:
    no_runtime.chmod(mode)
    if is_safe:
        assert socket_path(FrontSettings()) == no_runtime / "voicebot" / "8080.sock"
    else:
        with pytest.raises(EngineError, match="not a folder of this user alone"):
            socket_path(FrontSettings())


def test_a_folder_inside_another_users(no_runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.stat
    status = no_runtime.stat()
    others = os.stat_result((*status[:4], os.getuid() + 1, *status[5:]))
    monkeypatch.setattr(
        Path, "stat", lambda self, **options: others if self == no_runtime else real(self, **options)
    )
    with pytest.raises(EngineError, match="not a folder of this user alone"):
        socket_path(FrontSettings())


def test_no_folder_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> Path:
        # What platformdirs says of a folder in /tmp that is another user's.
        raise PermissionError("runtime directory /tmp/runtime-0 is owned by 1001")

    monkeypatch.setattr(platformdirs, "user_runtime_path", refuse)
    with pytest.raises(EngineError, match="owned by 1001") as error:
        socket_path(FrontSettings())
    assert "transport.socket" in error.value.hint
