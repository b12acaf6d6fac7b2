"""Finding models on disk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.models.conftest import member, model

from voicebot.errors import ChecksumMismatch, ModelMissing
from voicebot.interfaces import ModelPaths
from voicebot.models import ModelStore
from voicebot.models.store import default_root, looks_like_path

MakeStore = Callable[..., ModelStore]

ARCHIVES = {
    "a": {"package": "a", "version": "1", "filename": "a-1.tar.gz", "size": 1, "sha256": "0" * 64},
}


@pytest.fixture
def store(make_store: MakeStore) -> ModelStore:
    """Two models, `voice` (two files) and `vad-small.en` (one), with nothing on disk yet."""
    one, two = (b"one", [member("a", "1")]), (b"two", [member("a", "2")])
    return make_store(
        {"voice": model({"1": one, "2": two}), "vad-small.en": model({"v.onnx": one})}, ARCHIVES
    )


def put(store: ModelStore, place: str, body: bytes) -> None:
    path = store.root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def test_several_files_are_a_folder_and_one_is_itself(store: ModelStore) -> None:
    paths: ModelPaths = store
    put(store, "voice/1", b"one")
    put(store, "voice/2", b"two")
    put(store, "vad-small.en/v.onnx", b"one")
    assert paths.path("voice") == store.root / "voice"
    assert paths.path("vad-small.en") == store.root / "vad-small.en/v.onnx"
    store.verify("voice")


def test_a_missing_model_says_how_to_fetch_it(store: ModelStore) -> None:
    put(store, "voice/1", b"one")
    put(store, "voice/2", b"too long")
    with pytest.raises(ModelMissing, match="lacks 2") as caught:
        store.path("voice")
    assert caught.value.hint == "Fetch it with: voicebot models pull voice"
    with pytest.raises(ModelMissing):
        store.verify("voice")
    assert store.status("voice").missing == ("2",)
    assert not store.status("voice").present


def test_a_misspelt_model_is_told_the_nearest(store: ModelStore) -> None:
    with pytest.raises(ModelMissing, match=r"no model named 'vad-smal\.en'") as caught:
        store.path("vad-smal.en")
    assert "Did you mean vad-small.en?" in caught.value.hint
    with pytest.raises(ModelMissing) as caught:
        store.path("entirely different")
    assert "Did you mean" not in caught.value.hint


def test_verify_names_file_and_both_sums(store: ModelStore) -> None:
    put(store, "vad-small.en/v.onnx", b"two")
    with pytest.raises(ChecksumMismatch) as caught:
        store.verify("vad-small.en")
    one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    two = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
    assert str(store.root / "vad-small.en/v.onnx") in caught.value.message
    assert f"sha256 is {two}, expected {one}" in caught.value.message


def test_a_path_on_disk_is_taken_as_it_is(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"x")
    monkeypatch.setenv("HOME", str(tmp_path))
    local = ModelStore(store.root, manifest=store.manifest, base_dir=tmp_path)
    assert store.path(str(mine)) == mine
    assert store.path("~/mine.gguf") == mine
    assert local.path("./mine.gguf") == mine
    assert local.path("mine.gguf") == mine
    for absent in (str(tmp_path / "other.gguf"), "~/no/folder", "~nobody-of-this-name/x", "./voice"):
        with pytest.raises(ModelMissing, match="There is no model at"):
            local.path(absent)


@given(st.text())
def test_any_name_gives_a_path_or_model_missing(name: str) -> None:
    store = ModelStore(Path("/nonexistent"))
    try:
        found = store.path(name)
    except ModelMissing:
        return
    assert found.exists()
    assert looks_like_path(name)


def test_the_folder_is_the_users_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOT_MODELS_DIR", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("VOICEBOT_MODELS_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_root().parts[-2:] == ("voicebot", "models")


def test_finding_a_model_loads_no_network_code() -> None:
    script = """if True:
        import sys
        import voicebot.cli.models
        from voicebot.models import ModelStore

        ModelStore().status("silero-vad")
        print([name for name in ("httpx", "ssl", "rich", "filelock") if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
