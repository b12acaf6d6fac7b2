"""Functions as tools: their schemas, their arguments, their results."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import AfterValidator, BaseModel, Field

from voicebot.tools import Tool, ToolLoadError, tool_from
from voicebot.tools.errors import BadArguments
from voicebot.tools.spec import MAX_COMPLAINT, result_text


class Unit(Enum):
    metric = "metric"
    imperial = "imperial"


class Place(BaseModel):
    city: str = Field(description="Its name.")
    country: str = ""


@dataclass
class Seat:
    row: int


def forecast(
    place: Place,
    day: date,
    hours: Annotated[int, Field(ge=1, le=48, description="How far ahead.")] = 12,
    unit: Unit = Unit.metric,
    schema: list[Literal["rain", "wind"]] | None = None,
) -> str:
    """Say what the weather will be.

    Args:
        place: Where.
        day: When.
        hours: Not this: the annotation says it.
    """
    return f"{place.city} {day:%d.%m.} {hours} {unit.name} {schema}"


def test_the_model_is_told_of_a_function() -> None:
    tool = tool_from(forecast)
    schema = tool.spec.parameters
    assert (tool.spec.name, tool.spec.description) == ("forecast", "Say what the weather will be.")
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["required"] == ["place", "day"]
    assert schema["additionalProperties"] is False
    told = schema["properties"]
    assert list(told) == ["place", "day", "hours", "unit", "schema"]
    assert told["place"]["description"] == "Where."
    assert told["day"] == {"type": "string", "format": "date", "description": "When."}
    assert told["hours"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 48,
        "default": 12,
        "description": "How far ahead.",
    }
    assert told["unit"]["default"] == "metric"
    assert schema["$defs"]["Place"]["properties"]["city"] == {"type": "string", "description": "Its name."}


def test_no_title_is_paid_for() -> None:
    def titled(title: str, seat: Seat, unit: Unit) -> None:
        """An argument may be called title."""

    schema = tool_from(titled).spec.parameters
    assert "title" in schema["properties"]
    assert "title" not in json.dumps(schema).replace('"title": {"type": "string"}', "").replace(
        '["title"', ""
    )


def test_arguments_come_as_what_the_hints_say() -> None:
    tool = tool_from(forecast)
    arguments = tool.read_arguments('{"place": {"city": "Rom"}, "day": "2026-03-01", "unit": "imperial"}')
    assert arguments == {
        "place": Place(city="Rom"),
        "day": date(2026, 3, 1),
        "hours": 12,
        "unit": Unit.imperial,
        "schema": None,
    }
    assert tool.function(**arguments) == "Rom 01.03. 12 imperial None"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "wrong arguments: Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ("[]", "wrong arguments: Input should be an object"),
        ('{"place": {"city": "Rom"}}', "wrong arguments: day: Field required"),
        (
            '{"place": {"town": "Rom"}, "day": "soon", "hours": 99, "x": 1}',
            "wrong arguments: place.city: Field required; day: Input should be a valid date or datetime, input is "
            "too short; hours: Input should be less than or equal to 48 (and 1 more)",
        ),
    ],
)
def test_what_is_wrong_with_arguments_is_said_in_short(text: str, complaint: str) -> None:
    with pytest.raises(BadArguments) as caught:
        tool_from(forecast).read_arguments(text)
    assert str(caught.value) == complaint


@pytest.mark.parametrize("text", ["", "  ", "{}"])
def test_no_arguments_may_be_nothing_at_all(text: str) -> None:
    def ring() -> None:
        """Ring the bell."""

    assert tool_from(ring).read_arguments(text) == {}


def broken(value: int) -> int:
    raise RuntimeError("oops")


def test_a_validator_of_ones_own_that_breaks_is_a_complaint() -> None:
    def ring(times: Annotated[int, AfterValidator(broken)]) -> None:
        """Ring the bell."""

    with pytest.raises(BadArguments, match=r"could not be read: RuntimeError$"):
        tool_from(ring).read_arguments('{"times": 1}')


def read(tool: Tool, text: str) -> dict[str, Any] | None:
    """The arguments; None where there was a complaint that the model can be told."""
    complaint = ""
    try:
        return tool.read_arguments(text)
    except BadArguments as error:
        complaint = str(error)
    assert 0 < len(complaint) <= MAX_COMPLAINT
    assert "\n" not in complaint
    return None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["place", "day", "hours", "unit", "schema", "a0", "city"])
FORECAST = tool_from(forecast)


@given(st.dictionaries(KEYS, JSON) | JSON)
@settings(max_examples=300)
def test_any_json_is_arguments_or_a_complaint(value: Any) -> None:
    arguments = read(FORECAST, json.dumps(value))
    if arguments is not None:
        assert isinstance(FORECAST.function(**arguments), str)


@given(
    st.text()
    | st.sampled_from(["[" * 100_000, '{"place":' * 5_000, "1e999", "9" * 5_000, "\ud800", '"\\ud800"'])
)
def test_any_text_is_arguments_or_a_complaint(text: str) -> None:
    read(FORECAST, text)


@given(
    st.text(),
    st.dates(date(1, 1, 1)),
    st.integers(1, 48),
    st.none() | st.lists(st.sampled_from(["rain", "wind"])),
)
def test_right_arguments_are_taken(city: str, day: date, hours: int, kinds: list[str] | None) -> None:
    written = {"place": {"city": city}, "day": day.isoformat(), "hours": hours, "schema": kinds}
    assert Draft202012Validator(dict(FORECAST.spec.parameters)).is_valid(written)
    arguments = read(FORECAST, json.dumps(written))
    assert arguments is not None
    assert (arguments["place"].city, arguments["day"], arguments["schema"]) == (city, day, kinds)


# --- what cannot be a tool --------------------------------------------------------------------------------------------


def unhinted(city) -> None:  # type: ignore[no-untyped-def]
    """Look."""


def star(*cities: str) -> None:
    """Look."""


def keywords(**cities: str) -> None:
    """Look."""


def positional(city: str, /) -> None:
    """Look."""


def undocumented(city: str) -> None: ...


def only_arguments(city: str) -> None:
    """
    Args:
        city: where
    """


def nowhere(city: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Look."""


def strange(city: Callable[[], int]) -> None:
    """Look."""


def generator(city: str) -> Iterator[str]:
    """Look."""
    yield city


async def async_generator(city: str) -> AsyncIterator[str]:
    """Look."""
    yield city


def defaulted(city: str = Field(description="where")) -> None:
    """Look."""


def straße(city: str) -> None:
    """Look."""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (3, "is of type int, not a function"),
        (Place, "is a class, not a function"),
        (functools.partial(forecast, hours=3), "is of type partial, not a function"),
        (unhinted, "the argument 'city' has no type hint"),
        (star, r"takes '\*cities', which the model cannot give by name"),
        (keywords, r"takes '\*\*cities'"),
        (positional, "takes 'city', which the model cannot give by name"),
        (undocumented, "has no docstring"),
        (only_arguments, "has no docstring"),
        (nowhere, "type hints of .* cannot be read: NameError: name 'Nowhere' is not defined"),
        (strange, "takes what JSON cannot say"),
        (generator, "is a generator"),
        (async_generator, "is a generator"),
        (defaulted, "has a Field for its default"),
        (straße, "'straße' cannot be the name of a tool"),
        (lambda: None, "'<lambda>' cannot be the name of a tool"),
    ],
)
def test_what_cannot_be_a_tool_says_why(function: object, message: str) -> None:
    with pytest.raises(ToolLoadError, match=message):
        tool_from(function)


def test_a_name_may_be_given() -> None:
    assert tool_from(straße, name="road").spec.name == "road"


def test_where_a_function_is_from_is_told() -> None:
    assert tool_from(forecast).origin == f"{__name__}:forecast"


def test_what_wraps_a_coroutine_function_is_awaited() -> None:
    async def look(city: str) -> str:
        """Look."""
        return city

    @functools.wraps(look)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return look(*args, **kwargs)

    assert tool_from(look).is_async
    assert tool_from(wrapper).is_async
    assert not tool_from(forecast).is_async
    assert tool_from(wrapper).read_arguments('{"city": "Rom"}') == {"city": "Rom"}


def test_methods_can_be_tools() -> None:
    class Shop:
        def stock(self, article: str) -> str:
            """Look."""
            return article

    tool = tool_from(Shop().stock)
    assert tool.function(**tool.read_arguments('{"article": "lamp"}')) == "lamp"


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("It rains.", "It rains."),
        ("", ""),
        (None, "null"),
        (3, "3"),
        (float("nan"), '"NaN"'),
        ({"day": date(2026, 3, 1), "unit": Unit.metric}, '{"day":"2026-03-01","unit":"metric"}'),
        ([Place(city="Köln"), Seat(2)], '[{"city":"Köln","country":""},{"row":2}]'),
        ("\ud800", "?"),
        ("x" * 101, "x" * 100 + "… (cut off: 101 characters in all)"),
    ],
)
def test_results_are_told_as_text(value: object, text: str) -> None:
    assert result_text(value, 100) == text


def test_a_result_that_json_cannot_say_is_an_error() -> None:
    circle: list[Any] = []
    circle.append(circle)
    for value in (object(), circle, {"f": print}):
        with pytest.raises(ValueError):
            result_text(value, 100)


@given(st.text() | JSON, st.integers(100, 200))
def test_any_result_is_short_and_can_be_sent(value: Any, limit: int) -> None:
    text = result_text(value, limit)
    assert len(text) < limit + 50
    text.encode()
