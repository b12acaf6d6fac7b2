from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from voicebot.errors import ProfileError
from voicebot.profile.nodes import Node
from voicebot.profile.yaml_source import MAX_BYTES, parse, read

FILE = Path("agent.yaml")


def parsed(text: str) -> Node:
    return parse(text.encode(), FILE)


def test_every_key_knows_its_line() -> None:
    tree = parsed("# about\nstt: a\n\nllm:\n  - use: b\n  - use: c\n    model: d\n")
    lines = {
        path: tree.find(path)[0].place.line for path in [("stt",), ("llm",), ("llm", 1), ("llm", 1, "model")]
    }
    assert lines == {("stt",): 2, ("llm",): 4, ("llm", 1): 6, ("llm", 1, "model"): 7}
    assert tree.find(("llm", 1, "model"))[0].place.file == FILE


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-02", "2026-01-02"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("+.INF", math.inf),
        (".5", 0.5),
        ("'12'", "12"),
        ("<<", "<<"),
        ("!!str 3", "3"),
    ],
)
def test_scalars_are_read_as_yaml_1_2_reads_them(written: str, value: object) -> None:
    got = parsed(f"key: {written}\n").plain()["key"]
    assert got == value
    assert type(got) is type(value)


def test_not_a_number_is_a_float() -> None:
    assert math.isnan(parsed("key: .NaN").plain()["key"])


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", None, "is empty"),
        ("# only a comment\n", None, "is empty"),
        ("- a\n- b\n", 1, "should be a mapping of sections"),
        ("\n\njust text\n", 3, "should be a mapping of sections"),
        ("a: 1\nb: 2\na: 3\n", 3, "a: is written twice; first in line 1"),
        ("a:\n  x: 1\n  x: 2\n", 3, "x: is written twice; first in line 2"),
        ("1: x\n", 1, "the key '1' should be text"),
        ("null: x\n", 1, "the key 'null' should be text"),
        ("[a, b]: x\n", 1, "the key should be text"),
        ("a: 1\n\tb: 2\n", 2, "Indent with spaces"),
        ("a: b: c\n", 1, "needs quotes"),
        ("a: [1, 2\n", 2, "is not valid YAML"),
        ("llm: {use: x, key: ${KEY}}\n", 1, "in quotes"),
        ("a: *nobody\n", 1, "undefined alias"),
        ("a: &x [*x]\n", 1, "an alias stands for something that contains it"),
        ("a: 1\n---\nb: 2\n", 2, "expected a single document"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "is not supported"),
        ("a: !secret x\n", 1, "the tag '!secret' is not supported"),
        ("a: !!set {x}\n", 1, "is not supported"),
        ("a: !!int x\n", 1, "'x' is not a number"),
        ("a: !!bool maybe\n", 1, "is not supported"),
        ("a: 1\nb: \x07\n", 2, "holds a control character"),
    ],
)
def test_mistakes_name_their_line(text: str, line: int | None, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parsed(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"agent.yaml:{line}: " if line else "agent.yaml: ")
    assert (caught.value.line, caught.value.file) == (line, FILE)


def test_not_utf_8_names_its_line() -> None:
    with pytest.raises(ProfileError, match=r"^agent\.yaml:2: is not UTF-8 text"):
        parse("a: ü\nb: ü\n".encode().replace(b"b: \xc3\xbc", b"b: \xfc"), FILE)
    assert parse("\ufeffa: ü".encode(), FILE).plain() == {"a": "ü"}


def test_aliases_may_not_blow_up() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    with pytest.raises(ProfileError, match="expands to more than 20,000 values"):
        parsed(bomb)
    assert parsed("a: &x {k: 1}\nb: *x\n").plain() == {"a": {"k": 1}, "b": {"k": 1}}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_an_error(opening: str) -> None:
    with pytest.raises(ProfileError):
        parsed("a:\n " + opening * 5000)


def test_a_huge_number_is_an_error() -> None:
    with pytest.raises(ProfileError, match="is not a number"):
        parsed("a: " + "9" * 10_000)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "big.yaml"
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ProfileError, match="this is not a profile"):
        read(file)


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        read(tmp_path)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
STRUCTURES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,?\n \t<\\$0.~").map(str.encode)
)
@example(b"a: !!float .")
@example(b"? a\n: b")
@example(b"a: 0o8")
@example(b"%YAML 1.1\n---\na: 1")
def test_any_bytes_give_a_tree_or_a_profile_error(data: bytes) -> None:
    try:
        tree = parse(data, FILE)
    except ProfileError:
        return
    assert isinstance(tree.plain(), dict)


@given(st.dictionaries(st.text(), STRUCTURES, min_size=1))
def test_what_yaml_writes_comes_back(data: dict[str, Any]) -> None:
    # Quoted style: there PyYAML, which writes 1.1, and 1.2 agree on what is text.
    text = yaml.safe_dump(data, default_style='"')
    assert parse(text.encode(), FILE).plain() == data
