from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from voicebot.settings import ToolCallSettings, ToolChoice, ToolEntry

ENTRIES = TypeAdapter(tuple[ToolEntry, ...])


def test_a_tool_is_named_alone_or_with_options() -> None:
    written: list[Any] = ["shop:stock", {"use": "shop:price", "deadline_s": 2}]
    assert ENTRIES.validate_python(written) == (
        ToolChoice(use="shop:stock"),
        ToolChoice(use="shop:price", deadline_s=2),
    )
    schema = Draft202012Validator(ENTRIES.json_schema())
    assert schema.is_valid(written)
    assert not schema.is_valid([3])


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"use": "shop:stock", "deadlin_s": 2}, (0, "deadlin_s")),
        ({"use": "shop:stock", "deadline_s": 0}, (0, "deadline_s")),
        ({"use": "shop:stock", "deadline_s": True}, (0, "deadline_s")),
        ({}, (0, "use")),
        ("", (0, "use")),
        (3, (0,)),
    ],
)
def test_what_is_wrong_is_told_at_its_place(entry: Any, place: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        ENTRIES.validate_python([entry])
    assert [error["loc"] for error in caught.value.errors()] == [place]


def test_all_has_a_default() -> None:
    assert ToolCallSettings().max_rounds == 4
