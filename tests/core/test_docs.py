"""What the documentation shows works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from voicebot.testing import context
from voicebot.testing.conformance import check_tts

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").glob("*.md"),
    *ROOT.glob("plugins/*/README.md"),
]


def test_the_example_plugin_conforms() -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "plugins.md").read_text(), re.DOTALL)[0]
    names: dict[str, Any] = {"__name__": "voicebot_tts_chime"}
    exec(compile(code, "docs/plugins.md", "exec"), names)
    check_tts(lambda: names["ChimeTTS"](names["ChimeConfig"](), context()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_bundled_plugin_has_a_page() -> None:
    assert {folder.name for folder in (ROOT / "plugins").iterdir()} == {
        page.parent.name for page in ROOT.glob("plugins/*/README.md")
    }
