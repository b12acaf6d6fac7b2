from __future__ import annotations

from tests.docs.reading import ROOT

from voicebot.cli.main import COMMANDS
from voicebot.cli.reference import cli_reference

PAGE = ROOT / "docs" / "cli-reference.md"


def test_the_page_is_current() -> None:
    """If this fails: python -m voicebot.cli.reference docs/cli-reference.md"""
    assert PAGE.read_text(encoding="utf-8") == cli_reference()


def test_the_page_has_every_command_and_none_that_is_hidden() -> None:
    page = cli_reference()
    assert [name for name in COMMANDS if f"\n## `voicebot {name}`\n" not in page] == []
    assert "\n### `voicebot models pull`\n" in page
    assert "voicebot worker" not in page
    assert "\b" not in page
