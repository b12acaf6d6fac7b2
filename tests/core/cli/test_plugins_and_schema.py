from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from voicebot.cli import main

Make = Callable[..., Path]


def test_list_shows_broken_and_rival_plugins_without_importing(
    demo: Path, make_distribution: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = {
        "voicebot.tts": {"demo": "boom_plugin:X", "boom": "boom_plugin:X"},
        "voicebot.hooks": {"log": "boom_plugin"},
    }
    make_distribution("boom", groups, {"boom_plugin": "1 / 0"})
    assert main(["plugins", "list"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "turn silence voicebot-kit 0.1.0" in lines
    assert "tts boom boom 1.0" in lines
    assert "hooks log boom 1.0" in lines
    assert sum("cannot be chosen: two plugins have this name" in line for line in lines) == 2
    assert main(["plugins", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"tts", "turn", "hooks"} <= {info["kind"] for info in found}
    assert {info["distribution"] for info in found if info["problem"]} == {"boom", "demo-plugin"}
    assert not {"boom_plugin", "demo_plugin"} & set(sys.modules)


def test_show_tells_settings_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", "silence"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("turn: silence   (voicebot-kit ")
    assert "licence       Apache-2.0" in shown
    assert "delay_ms (whole number, ≥ 0, ≤ 30000; default 400)" in shown
    assert "  turn:\n    use: silence\n    # delay_ms: 400\n" in shown


def test_show_tells_the_keys_within_a_setting(
    demo: Path, make_distribution: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
        from demo_plugin import Tts
        from pydantic import BaseModel, Field
        class Server(BaseModel):
            url: str = Field(description="Where.")
            retries: int = 3
        class Voice(BaseModel):
            pitch: int = 50
            servers: list[Server] = Field(default_factory=list)
        class Settings(BaseModel):
            main: Server
            spare: Server | None = None
            voice: Voice = Field(default_factory=Voice, description="Who speaks.")
            seed: int = Field(default_factory=lambda data: 1)
        class X(Tts):
            Config = Settings
    """
    make_distribution("nest", {"voicebot.tts": {"nest": "nest_plugin:X"}}, {"nest_plugin": source})
    assert main(["plugins", "show", "nest"]) == 0
    settings, example = capsys.readouterr().out.partition("Settings:\n")[2].split("\nExample:\n")
    assert (
        settings
        == """\
  main (mapping; required)
  main.url (text; required)
      Where.
  main.retries (whole number; default 3)
  spare (mapping or null; default null)
  spare.url (text; required)
      Where.
  spare.retries (whole number; default 3)
  voice (mapping; default {})
      Who speaks.
  voice.pitch (whole number; default 50)
  voice.servers (list of mapping; default [])
  voice.servers[].url (text; required)
      Where.
  voice.servers[].retries (whole number; default 3)
  seed (whole number; computed)
"""
    )
    assert (
        example
        == """\
  tts:
    use: nest
    main:
      url: …
      # retries: 3
    # spare: null
    # voice:
    #   pitch: 50
    #   servers: []
    # seed: …
"""
    )


def test_show_of_an_ambiguous_name_asks_for_the_kind(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", "other"]) == 2
    assert "say llm/other or tts/other" in capsys.readouterr().err
    assert main(["plugins", "show", "tts/other"]) == 0
    assert "temperature (number, ≥ 0, ≤ 2; default 0.5)" in capsys.readouterr().out
    assert main(["plugins", "show", "vad/demo"]) == 0
    assert "No settings." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("silense", "there is no plugin 'silense'; did you mean 'silence'?"),
        ("turn/silense", "there is no turn plugin 'silense'; did you mean 'silence'?"),
        ("noise/silence", "there is no plugin 'noise/silence'"),
    ],
)
def test_show_of_an_unknown_name(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", name]) == 2
    assert said in capsys.readouterr().err


def test_show_of_a_broken_plugin_names_its_distribution(
    make_distribution: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    make_distribution("boom", {"voicebot.tts": {"boom": "boom_plugin:X"}}, {"boom_plugin": "1 / 0"})
    assert main(["plugins", "show", "boom"]) == 2
    assert "'boom' of boom 1.0 could not be imported: ZeroDivisionError" in capsys.readouterr().err


def test_schema_to_the_screen_or_a_file(
    demo: Path, make_distribution: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_distribution("boom", {"voicebot.tts": {"boom": "boom_plugin:X"}}, {"boom_plugin": "1 / 0"})
    assert main(["schema"]) == 0
    captured = capsys.readouterr()
    assert "'boom' of boom 1.0" in captured.err
    file = tmp_path / "profile.schema.json"
    assert main(["schema", "--output", str(file)]) == 0
    assert json.loads(file.read_text(encoding="utf-8")) == json.loads(captured.out)
    assert main(["schema", "--output", str(tmp_path / "no" / "folder.json")]) == 2
    assert "cannot be written" in capsys.readouterr().err
