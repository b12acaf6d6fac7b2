from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr

from voicebot.profile.rows import field_rows


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
        ("inner", "mapping", "{}"),
        ("inner.deep", "whole number", "1"),
    ]
    assert field_rows(Model)[0][3] == "Who."


class Server(BaseModel):
    """Where it is."""

    host: str = Field(description="Its name.")
    port: int = 80


class Deeper(BaseModel):
    server: Server = Server(host="a", port=81)
    tags: list[str] = Field(default_factory=lambda: ["x"])


class Tree(BaseModel):
    size: int = 1
    branches: list[Tree] = []


class Round(BaseModel):
    shape: Literal["round"] = "round"
    radius: int = 1


class Square(BaseModel):
    shape: Literal["square"] = "square"
    side: int = 1


def table(model: type[BaseModel]) -> list[tuple[str, str, str]]:
    return [row[:3] for row in field_rows(model)]


def test_keys_within_mappings_lists_and_free_keys() -> None:
    class Model(BaseModel):
        one: Server
        maybe: Server | None = None
        several: list[Server] = Field(default_factory=list)
        named: dict[str, Server] = {}
        pair: tuple[int, int] = (1, 2)
        deeper: Deeper = Field(default_factory=Deeper)

    inside = {"host": ("text", "required"), "port": ("whole number", "80")}
    assert table(Model) == [
        ("one", "mapping", "required"),
        *((f"one.{key}", *facts) for key, facts in inside.items()),
        ("maybe", "mapping or null", "null"),
        *((f"maybe.{key}", *facts) for key, facts in inside.items()),
        ("several", "list of mapping", "[]"),
        *((f"several[].{key}", *facts) for key, facts in inside.items()),
        ("named", "mapping of mapping", "{}"),
        *((f"named.*.{key}", *facts) for key, facts in inside.items()),
        ("pair", "list of 2 × whole number", "[1, 2]"),
        ("deeper", "mapping", "{}"),
        ("deeper.server", "mapping", '{"host": "a", "port": 81}'),
        *((f"deeper.server.{key}", *facts) for key, facts in inside.items()),
        ("deeper.tags", "list of text", '["x"]'),
    ]
    described = {row.key: row.description for row in field_rows(Model)}
    assert (described["one"], described["one.host"]) == ("Where it is.", "Its name.")


def test_a_mapping_s_default_is_what_its_keys_do_not_say() -> None:
    class Model(BaseModel):
        server: Server = Server(host="a")
        deeper: Deeper = Deeper(server=Server(host="b", port=80), tags=["x"])

    rows = {row.key: row.default for row in field_rows(Model)}
    assert rows["server"] == '{"host": "a"}'
    assert rows["deeper"] == '{"server": {"host": "b"}}'


def test_a_model_within_itself_is_described_once() -> None:
    assert table(Tree) == [("size", "whole number", "1"), ("branches", "list of mapping", "[]")]

    class Model(BaseModel):
        tree: Tree = Tree()

    assert [row.key for row in field_rows(Model)] == ["tree", "tree.size", "tree.branches"]


def test_the_members_of_a_union_one_after_the_other() -> None:
    class Model(BaseModel):
        pieces: list[Annotated[Round | Square, Field(discriminator="shape")]] = []

    assert table(Model) == [
        ("pieces", "list of mapping", "[]"),
        ("pieces[].shape", "`round`", '"round"'),
        ("pieces[].radius", "whole number", "1"),
        ("pieces[].shape", "`square`", '"square"'),
        ("pieces[].side", "whole number", "1"),
    ]


def test_a_default_that_cannot_be_said_is_computed() -> None:
    def fail() -> int:
        raise RuntimeError("not here")

    def double(data: dict[str, Any]) -> int:
        return int(data["size"]) * 2

    class Model(BaseModel):
        size: int = 1
        twice: int = Field(default_factory=double)
        failing: int = Field(default_factory=fail)
        odd: Any = Field(default_factory=object)
        secret: SecretStr = Field(default_factory=lambda: SecretStr("hunter22"))

    assert [row.default for row in field_rows(Model)] == [
        "1",
        "computed",
        "computed",
        "computed",
        '"**********"',
    ]
