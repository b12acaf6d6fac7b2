"""Reading manifests, ours and broken ones."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.core.models.conftest import member, model

from voicebot.errors import ModelError
from voicebot.models import load_manifest
from voicebot.models.manifest import MembersSource, UrlSource, parse_manifest

ARCHIVES = {
    "a": {"package": "a", "version": "1", "filename": "a-1.tar.gz", "size": 1, "sha256": "0" * 64},
}


def dump(models: dict[str, Any], archives: dict[str, Any] | None = None) -> str:
    return yaml.safe_dump({"models": models, "archives": ARCHIVES if archives is None else archives})


def test_our_manifest_has_what_the_plugins_name() -> None:
    models = load_manifest().models
    assert set(models) >= {
        "silero-vad",
        "whisper-tiny.en-ct2",
        "whisper-base-ct2",
        "whisper-tiny.en-ggml-q8_0",
        "whisper-base-ggml-q8_0",
        "piper-en_US-joe-medium",
        "smollm2-135m-instruct",
        "sample-human-speech",
    }
    assert len(models["silero-vad"].files) == len(models["smollm2-135m-instruct"].files) == 1


def test_every_archive_is_used_and_every_hub_address_is_encrypted() -> None:
    manifest = load_manifest()
    sources = [source for m in manifest.models.values() for file in m.files for source in file.sources]
    members = [ref for source in sources if isinstance(source, MembersSource) for ref in source.members]
    assert {ref.archive for ref in members} == set(manifest.archives)
    assert all(source.url.startswith("https://") for source in sources if isinstance(source, UrlSource))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("models: [", "not valid YAML"),
        ("when: 2024-99-99", "not valid YAML"),
        ("[" * 2000, "not valid YAML"),
        ("", "valid dictionary"),
        ("models: {}\nmodel: {}", "model"),
        (dump({"m": model({"../w": (b"x", [member("a", "p")])})}), "not a plain relative path"),
        (dump({"m": model({"/w": (b"x", [member("a", "p")])})}), "not a plain relative path"),
        (dump({"m": model({"c:w": (b"x", [member("a", "p")])})}), "not a plain relative path"),
        (dump({"../m": model({"w": (b"x", [member("a", "p")])})}), "should match pattern"),
        (dump({"m": model({"w": (b"x", [member("b", "p")])})}), "no archive named 'b'"),
        (dump({"m": model({"w": (b"x", [{"url": "file:///etc/passwd"}])})}), "should match pattern"),
        (dump({"m": model({"w": (b"x", [])})}), "every file needs a source"),
        (dump({"m": model({"w": (b"", [member("a", "p")])})}), "greater than 0"),
        (
            dump({"m": {**model({"w": (b"x", [])}), "files": [*model({"w": (b"x", [])})["files"]] * 2}}),
            "two files have the same path",
        ),
        (
            dump(
                {"m": model({"w": (b"x", [])}, derive={"from": "n", "converter": "a:b", "quantize": "f16"})}
            ),
            "'n' is not a downloadable model",
        ),
        (
            dump(
                {
                    "m": model(
                        {"w": (b"x", [member("a", "p")])},
                        derive={"from": "m", "converter": "a:b", "quantize": "f16"},
                    )
                }
            ),
            "a derived model is one file without sources",
        ),
    ],
)
def test_a_bad_manifest_is_an_error_that_names_it(text: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        parse_manifest(text, origin="mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ")


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["models", "archives", "m", "files", "path", "size", "sha256", "sources", "derive"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.binary() | st.text() | _values.map(lambda value: yaml.safe_dump({"models": value})))
def test_any_text_gives_a_manifest_or_a_model_error(text: str | bytes) -> None:
    with contextlib.suppress(ModelError):
        parse_manifest(text)
