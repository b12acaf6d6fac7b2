"""The example in docs/tools.md."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.tools.scripted import Answer, ToolLLM, call

from voicebot.profile.yaml_source import read
from voicebot.testing import run_virtual
from voicebot.tools import Tool, ToolChoice, find_tools

PAGE = (Path(__file__).parents[3] / "docs" / "tools.md").read_text()


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[tuple[Tool, ...]]:
    """Those of the page's profile, from the page's file."""
    before = set(sys.modules)
    for language, name in (("python", "shop.py"), ("yaml", "shop.yaml")):
        found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
        assert found is not None
        (tmp_path / name).write_text(found[1])
    entries = read(tmp_path / "shop.yaml").plain()["agent"]["tools"]
    choices = [entry if isinstance(entry, str) else ToolChoice(**entry) for entry in entries]
    yield find_tools(choices, base_dir=tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith("voicebot_tools_"):
            del sys.modules[name]


def test_the_example_works(tools: tuple[Tool, ...]) -> None:
    llm = ToolLLM(
        [call("in_stock", '{"article": "sofa"}', "a"), call("in_stock", '{"article": "lamp"}', "b")],
        ["There are three. ", call("reserve", '{"article": "lamp", "day": "2026-03-01", "pieces": 2}', "c")],
        ["Two are put aside."],
    )

    async def main() -> Answer:
        return await Answer(llm, *tools).run()

    answer = run_virtual(main())
    assert answer.text == "There are three. \nTwo are put aside."
    assert llm.results()[0] == "Error: there is no 'sofa'; there are: lamp, chair"
    assert llm.results()[1] == "3"
    assert json.loads(llm.results()[2]) == {"reserved": 2, "article": "lamp", "until": "2026-03-01"}
    told = tools[0].spec.parameters["properties"]["article"]["description"]
    assert told == "One word, singular, in lower case, such as lamp."
    assert (tools[1].deadline_s, tools[1].filler) == (5, "I am putting it aside for you.")
