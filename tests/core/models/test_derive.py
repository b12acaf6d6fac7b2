"""Models made out of others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.core.models.conftest import Web, model

from voicebot.errors import ChecksumMismatch, ModelError
from voicebot.models import ModelStore
from voicebot.models.fetch import pull

MakeStore = Callable[..., ModelStore]

CONVERTER = """
def upper(source_dir, target, *, quantize):
    target.write_bytes(source_dir.read_bytes().upper() + quantize.encode())
"""


def derived(
    web: Web, make_store: MakeStore, result: bytes, converter: str = "its_converter:upper"
) -> ModelStore:
    made: dict[str, Any] = {"from": "base", "converter": converter, "quantize": "f16"}
    base = model({"b.bin": (b"weights", [web.hub_file("/b.bin", b"weights")])})
    return make_store({"base": base, "made": model({"m.bin": (result, [])}, derive=made)})


@pytest.fixture
def _converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "its_converter.py").write_text(CONVERTER)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("_converter")
def test_a_derived_model_is_made_after_its_base_was_fetched(web: Web, make_store: MakeStore) -> None:
    store = derived(web, make_store, b"WEIGHTSf16")
    assert pull(["made"], store) == ["made"]
    assert store.path("made").read_bytes() == b"WEIGHTSf16"
    assert store.path("base").read_bytes() == b"weights"
    shutil.rmtree(store.folder("base"))
    assert pull(["made"], store) == []  # its base is only needed to make it


@pytest.mark.usefixtures("_converter")
def test_a_conversion_with_other_bytes_is_not_kept(web: Web, make_store: MakeStore) -> None:
    store = derived(web, make_store, b"WEIGHTSf32")
    with pytest.raises(ChecksumMismatch, match=r"The conversion m\.bin has other bytes"):
        pull(["made"], store)
    assert list(store.folder("made").iterdir()) == []


def test_a_missing_converter_says_what_to_install(web: Web, make_store: MakeStore) -> None:
    store = derived(web, make_store, b"x", converter="no_such_package:convert")
    with pytest.raises(ModelError, match="no_such_package") as caught:
        pull(["made"], store)
    assert "pip install" in caught.value.hint


@pytest.mark.engine
def test_whispers_conversion_gives_the_manifests_bytes(model_store: ModelStore, tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    tiny = model_store.path("whisper-tiny.en-ct2")
    shutil.copytree(
        tiny, store.folder("whisper-tiny.en-ct2"), copy_function=lambda a, b: Path(b).symlink_to(a)
    )
    assert pull(["whisper-tiny.en-ggml-q8_0"], store) == ["whisper-tiny.en-ggml-q8_0"]
    store.verify("whisper-tiny.en-ggml-q8_0")
