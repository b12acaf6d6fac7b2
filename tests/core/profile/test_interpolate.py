from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.profile.interpolate import interpolate
from voicebot.profile.nodes import Node, Place

PLACE = Place(Path("agent.yaml"), 3)
ENVIRON = {"KEY": "sk-1234", "EMPTY": "", "TRICKY": "${KEY}"}


def expand(text: str) -> tuple[Node, list[str]]:
    node = interpolate(Node({"llm": Node(text, PLACE)}, PLACE), ENVIRON).children()["llm"]
    return node, [str(problem) for problem in node.problems]


@pytest.mark.parametrize(
    ("text", "value", "secret"),
    [
        ("plain $5 text", "plain $5 text", False),
        ("${KEY}", "sk-1234", True),
        ("a ${KEY} b ${KEY}", "a sk-1234 b sk-1234", True),
        ("${EMPTY}", "", True),
        ("${EMPTY:-x}", "x", False),
        ("${UNSET:-x y: z}", "x y: z", False),
        ("${UNSET:-}", "", False),
        ("${KEY:-x}", "sk-1234", True),
        ("$${KEY}", "${KEY}", False),
        ("$$${KEY}", "$${KEY}", False),
        ("${TRICKY}", "${KEY}", True),
    ],
)
def test_references(text: str, value: str, secret: bool) -> None:
    node, problems = expand(text)
    assert (node.value, node.secret, problems) == (value, secret, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${UNSET}", "the environment variable UNSET is not set"),
        ("${KEY", "a `${` is not closed by `}`"),
        ("${}", "`${}` does not name a variable"),
        ("${1X}", "`${1X}` does not name a variable"),
        ("${KEY-x}", "`${KEY-x}` does not name a variable"),
    ],
)
def test_mistakes_name_file_line_and_key(text: str, said: str) -> None:
    _, problems = expand(text)
    assert problems[0].startswith(f"agent.yaml:3: llm: {said}")


def test_values_other_than_text_are_left_alone() -> None:
    tree = Node({"a": Node([Node(1, PLACE), Node(None, PLACE), Node(True, PLACE)], PLACE)}, PLACE)
    assert interpolate(tree, ENVIRON) == tree


@given(st.text(alphabet="${}:-KEYab \n"))
def test_any_text_is_expanded_or_a_problem(text: str) -> None:
    node, problems = expand(text)
    assert isinstance(node.value, str)
    if "${" not in text:
        assert (node.value, problems) == (text, [])
