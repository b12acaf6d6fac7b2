"""Quantities: lengths, weights, temperatures, percentages, amounts of data and the like."""

from __future__ import annotations

import re
from typing import Final

from voicebot.speech.spoken import words
from voicebot.speech.spoken.rules import Rule
from voicebot.speech.spoken.words import AMOUNT, LEFT, SIGN

__all__ = ["RULES"]

_UNITS: Final[dict[str, tuple[str, str]]] = {
    "ft": ("foot", "feet"), "sq ft": ("square foot", "square feet"), "ft²": ("square foot", "square feet"),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "rpm": ("R P M", "R P M"), "fps": ("frame per second", "frames per second"),
    "mph": ("mile per hour", "miles per hour"), "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"), "bps": ("bit per second", "bits per second"),
    "kbps": ("kilobit per second", "kilobits per second"), "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"), "dpi": ("dot per inch", "dots per inch"),
    "dB": ("decibel", "decibels"), "psi": ("P S I", "P S I"), "bpm": ("beat per minute", "beats per minute"),
    "°C": ("degree Celsius", "degrees Celsius"), "℃": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "℉": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"), "%": ("percent", "percent"), "‰": ("per mille", "per mille"),
    "x": ("times", "times"), "k": ("thousand", "thousand"), "M": ("million", "million"),
    "bn": ("billion", "billion"), "Ω": ("ohm", "ohms"), "kΩ": ("kilohm", "kilohms"), "ha": ("hectare", "hectares"),
    "px": ("pixel", "pixels"), "MP": ("megapixel", "megapixels"), "oz": ("ounce", "ounces"),
} | {
    symbol: (name, name + "s")
    for symbol, name in {
        "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "µm": "micrometer",
        "μm": "micrometer", "nm": "nanometer", "mi": "mile", "yd": "yard",
        "km²": "square kilometer", "km2": "square kilometer", "m²": "square meter", "m2": "square meter",
        "cm²": "square centimeter", "m³": "cubic meter", "m3": "cubic meter", "cm³": "cubic centimeter",
        "kg": "kilogram", "g": "gram", "mg": "milligram", "µg": "microgram", "μg": "microgram", "mcg": "microgram",
        "lb": "pound", "lbs": "pound", "t": "ton",
        "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter", "dl": "deciliter", "dL": "deciliter",
        "cl": "centiliter", "cL": "centiliter", "gal": "gallon", "tsp": "teaspoon", "tbsp": "tablespoon",
        "h": "hour", "hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "s": "second", "sec": "second",
        "secs": "second", "ms": "millisecond", "µs": "microsecond", "μs": "microsecond", "ns": "nanosecond",
        "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "PB": "petabyte",
        "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte", "Mb": "megabit", "Gb": "gigabit",
        "W": "watt", "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt", "Wh": "watt hour", "kWh": "kilowatt hour",
        "MWh": "megawatt hour", "mAh": "milliamp hour", "V": "volt", "mV": "millivolt", "kV": "kilovolt",
        "mA": "milliamp", "J": "joule", "kJ": "kilojoule", "cal": "calorie", "kcal": "kilocalorie", "Pa": "pascal",
        "hPa": "hectopascal", "kPa": "kilopascal", "bar": "bar", "yr": "year", "yrs": "year",
    }.items()
}  # fmt: skip
_BARE: Final = frozenset(("k", "M", "x"))
"""Letters that are units only right behind the number: "10k", but not "10 k"."""
_PER: Final = {
    "s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "d": "day", "mo": "month",
    "yr": "year", "l": "liter", "L": "liter", "dl": "deciliter", "dL": "deciliter", "ml": "milliliter",
    "kg": "kilogram", "g": "gram", "m": "meter",
    "km": "kilometer", "m²": "square meter", "m2": "square meter", "m³": "cubic meter", "m3": "cubic meter",
    "s²": "second squared", "gal": "gallon",
    **{word: word for word in ("second", "minute", "hour", "day", "week", "month", "year", "person", "night", "user")},
}  # fmt: skip


def _any(names: dict[str, str] | dict[str, tuple[str, str]]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


def _say(match: re.Match[str]) -> str | None:
    text, unit, gap = match["amount"], match["unit"], match["gap"]
    if unit in _BARE and gap:
        return None
    one, many = _UNITS[unit]
    name = one if text == "1" or gap == "-" or words.is_adjective(match) else many
    joint = "-" if gap == "-" else " "
    per = f" per {_PER[match['per']]}" if match["per"] else ""
    return f"{words.signed(match['sign'])}{words.amount(text)}{joint}{name}{per}"


def _height(match: re.Match[str]) -> str:
    return f"{words.cardinal(int(match[1]))} foot {words.cardinal(int(match[2] or match[3]))}"


RULES: Final = (
    Rule(
        re.compile(r"(?<![\w.,])([0-9]{1,2})(?:['’′]([0-9]{1,2})(?:[\"”″]|'')| ?ft\.? ?([0-9]{1,2}) ?in\b)"),
        _height,
    ),
    Rule(
        re.compile(
            rf"{LEFT}(?P<sign>{SIGN})(?P<amount>{AMOUNT})(?P<gap>[ -]?)(?P<unit>{_any(_UNITS)})"
            rf"(?:(?<=[%°‰℃℉])|(?![\w²³]))(?:/(?P<per>{_any(_PER)})(?!\w))?(?:(?<=[A-Za-z])\.(?= [a-z]))?"
        ),
        _say,
    ),
)
