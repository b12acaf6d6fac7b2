from __future__ import annotations

import enum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from voicebot.profile.reference import field_rows, profile_reference

PAGE = Path(__file__).parents[3] / "docs" / "profile-reference.md"


def test_the_page_is_current() -> None:
    """If this fails: python -m voicebot.profile.reference docs/profile-reference.md"""
    assert PAGE.read_text(encoding="utf-8") == profile_reference()


def test_rows_say_type_limits_and_default() -> None:
    class Inner(BaseModel):
        deep: int = 1

    class Colour(enum.Enum):
        RED = "red"

    class Model(BaseModel):
        name: str = Field(description="Who.")
        size: int = Field(default=3, ge=1, lt=9)
        maybe: float | None = None
        mode: Literal["a", "b"] = "a"
        colour: Colour = Colour.RED
        words: list[str] = []
        inner: Inner = Inner()

    assert [row[:3] for row in field_rows(Model)] == [
        ("name", "text", "required"),
        ("size", "whole number, ≥ 1, < 9", "3"),
        ("maybe", "number or null", "null"),
        ("mode", "`a`, `b`", '"a"'),
        ("colour", "`red`", '"red"'),
        ("words", "list of text", "[]"),
        ("inner", "mapping", '{"deep": 1}'),
    ]
    assert field_rows(Model)[0][3] == "Who."
