from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot.tools.docstring import parse_docstring


def test_description_and_arguments_of_googles_style() -> None:
    description, arguments = parse_docstring(
        """Say what the weather will be.

        For questions about rain: and the like.

        Args:
            city (str): where, such as Berlin
                or Paris.
            days: how far
              ahead
            hour (list[int], optional) : o'clock

        Returns:
            degrees: not an argument.
        """
    )
    assert description == "Say what the weather will be.\n\nFor questions about rain: and the like."
    assert arguments == {
        "city": "where, such as Berlin or Paris.",
        "days": "how far ahead",
        "hour": "o'clock",
    }


def test_text_after_the_arguments_belongs_to_none() -> None:
    assert parse_docstring("Do it.\n\nArgs:\n  a: one\n\nThat is all.\n  b: two") == ("Do it.", {"a": "one"})


def test_an_argument_may_begin_on_the_next_line() -> None:
    assert parse_docstring("Do it.\nArgs:\n    a:\n        one\n        two\n")[1] == {"a": "one two"}


@given(st.text())
def test_any_text_is_a_docstring(text: str) -> None:
    description, arguments = parse_docstring(text)
    assert description == description.strip()
    assert all(name.strip() == name for name in arguments)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True),
        st.from_regex(r"[a-z]+( [a-z:]+){0,5}", fullmatch=True),
    )
)
def test_what_is_written_is_read(said: dict[str, str]) -> None:
    lines = "".join(f"    {name}: {text}\n" for name, text in said.items())
    assert parse_docstring(f"Do it.\n\nArgs:\n{lines}") == ("Do it.", said)
