"""Sums of money."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from voicebot.speech.spoken import words
from voicebot.speech.spoken.rules import Rule
from voicebot.speech.spoken.words import AMOUNT, SIGN

__all__ = ["RULES"]


class _Currency(NamedTuple):
    one: str
    many: str
    part: str = ""
    """A hundredth, where it is in use."""
    parts: str = ""


def _in_cents(one: str, many: str = "") -> _Currency:
    return _Currency(one, many or one + "s", "cent", "cents")


_POUND = _Currency("pound", "pounds", "penny", "pence")
_RUPEE = _Currency("rupee", "rupees", "paisa", "paise")
_SYMBOLS: Final = {
    "$": _in_cents("dollar"), "US$": _in_cents("U S dollar"), "A$": _in_cents("Australian dollar"),
    "AU$": _in_cents("Australian dollar"), "C$": _in_cents("Canadian dollar"), "CA$": _in_cents("Canadian dollar"),
    "NZ$": _in_cents("New Zealand dollar"), "HK$": _in_cents("Hong Kong dollar"),
    "S$": _in_cents("Singapore dollar"), "R$": _Currency("real", "reais", "centavo", "centavos"),
    "€": _in_cents("euro"), "£": _POUND, "¥": _Currency("yen", "yen"), "₹": _RUPEE, "₩": _Currency("won", "won"),
    "₽": _Currency("ruble", "rubles", "kopeck", "kopecks"), "₺": _Currency("lira", "lira"),
    "₪": _Currency("shekel", "shekels"), "฿": _Currency("baht", "baht"), "₫": _Currency("dong", "dong"),
    "₴": _Currency("hryvnia", "hryvnias"), "₦": _Currency("naira", "naira"), "₱": _Currency("peso", "pesos"),
    "¢": _Currency("cent", "cents"),
}  # fmt: skip
_CODES: Final = {
    "USD": _SYMBOLS["US$"], "EUR": _SYMBOLS["€"], "GBP": _POUND, "JPY": _SYMBOLS["¥"],
    "CHF": _Currency("Swiss franc", "Swiss francs"), "CAD": _SYMBOLS["C$"], "AUD": _SYMBOLS["A$"],
    "NZD": _SYMBOLS["NZ$"], "CNY": _Currency("yuan", "yuan"), "RMB": _Currency("yuan", "yuan"),
    "INR": _Currency("Indian rupee", "Indian rupees", "paisa", "paise"), "KRW": _SYMBOLS["₩"],
    "SEK": _Currency("Swedish krona", "Swedish kronor"), "NOK": _Currency("Norwegian krone", "Norwegian kroner"),
    "DKK": _Currency("Danish krone", "Danish kroner"), "PLN": _Currency("zloty", "zlotys"),
    "CZK": _Currency("Czech koruna", "Czech korunas"), "HUF": _Currency("forint", "forints"),
    "BRL": _SYMBOLS["R$"], "MXN": _Currency("Mexican peso", "Mexican pesos"), "ZAR": _Currency("rand", "rand"),
    "TRY": _Currency("Turkish lira", "Turkish lira"), "SGD": _SYMBOLS["S$"], "HKD": _SYMBOLS["HK$"],
    "RUB": _SYMBOLS["₽"], "BTC": _Currency("bitcoin", "bitcoins"),
}  # fmt: skip
_SCALES: Final = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "mm": "million",
    "MM": "million", "b": "billion", "B": "billion", "bn": "billion", "Bn": "billion", "BN": "billion",
    "t": "trillion", "T": "trillion", "tn": "trillion",
}  # fmt: skip
_PER: Final = {
    "h": "hour", "hr": "hour", "mo": "month", "yr": "year", "wk": "week", "min": "minute", "kg": "kilogram",
    "lb": "pound", "l": "liter", "L": "liter", "kWh": "kilowatt hour", "GB": "gigabyte", "sq": "square",
}  # fmt: skip

_SYMBOL: Final = r"(?P<currency>(?:US|AU|CA|NZ|HK|A|C|R|S)?\$|[€£¥₹₩₽₺₪฿₫₴₦₱])"
_CODE: Final = f"(?P<currency>{'|'.join(_CODES)})"
_SHORT_SCALE: Final = "|".join(sorted(_SCALES, key=len, reverse=True))
_SCALE: Final = rf"(?: ?(?P<scale>thousand|million|billion|trillion)(?!\w)|(?P<short>{_SHORT_SCALE})(?!\w))?"
_EACH: Final = r"(?:/(?P<per>[A-Za-z]{1,12})(?!\w))?"
_END: Final = r"(?!\w)(?![.,:/][0-9])"
_CENTS: Final = re.compile(r"([0-9,]{1,20})\.([0-9]{2})")


def _say(match: re.Match[str]) -> str:
    groups = match.groupdict()
    currency = _SYMBOLS.get(groups["currency"]) or _CODES[groups["currency"]]
    scale = groups["scale"] or _SCALES.get(groups["short"] or "", "")
    sign = words.signed(groups.get("sign") or groups.get("inner"))
    amount = groups["amount"]
    per = f" per {_PER.get(groups['per'], groups['per'])}" if groups["per"] else ""
    return sign + _sum(amount, scale, currency, one=words.is_adjective(match)) + per


def _sum(amount: str, scale: str, currency: _Currency, *, one: bool) -> str:
    name = currency.one if one or (amount == "1" and not scale) else currency.many
    if scale:
        return f"{words.amount(amount)} {scale} {name}"
    cents = _CENTS.fullmatch(amount)
    if cents and currency.part:
        whole, parts = words.number(cents[1]), int(cents[2])
        of_parts = f"{words.cardinal(parts)} {currency.part if one or parts == 1 else currency.parts}"
        if not parts or not int(cents[1].replace(",", "")):
            return of_parts if parts else f"{whole} {currency.one if cents[1] == '1' else name}"
        return f"{whole} {currency.one if cents[1] == '1' else name} and {of_parts}"
    return f"{words.amount(amount)} {name}"


# "$5-$10" is a range as much as "$5-10": the second sign says nothing new.
_TWICE: Final = re.compile(
    rf"(?<![\w.,])(?P<currency>[$€£¥₹])(?P<low>{words.NUMBER})(?: ?[–—-] ?| to )(?P=currency)(?P<high>{words.NUMBER})"
    rf"{_SCALE}{_EACH}{_END}"
)


def _say_twice(match: re.Match[str]) -> str:
    currency = _SYMBOLS[match["currency"]]
    scale = match["scale"] or _SCALES.get(match["short"] or "", "")
    per = f" per {_PER.get(match['per'], match['per'])}" if match["per"] else ""
    if scale:
        return f"{words.number(match['low'])} to {_sum(match['high'], scale, currency, one=False)}{per}"
    both = "." in match["low"] or "." in match["high"]
    low = _sum(match["low"], "", currency, one=False) if both else words.number(match["low"])
    return f"{low} to {_sum(match['high'], '', currency, one=False)}{per}"


RULES: Final = (
    Rule(_TWICE, _say_twice),
    Rule(
        re.compile(
            rf"(?<![\w.,])(?P<sign>{SIGN}){_SYMBOL} ?(?P<inner>[-−])?(?P<amount>{AMOUNT}){_SCALE}{_EACH}{_END}"
        ),
        _say,
    ),
    Rule(
        re.compile(
            rf"{words.LEFT}(?P<sign>{SIGN})(?P<amount>{AMOUNT}){_SCALE} ?(?P<currency>[€£¥₹₩₽₺₪฿₫₴₦₱¢$]){_EACH}(?![\w])"
        ),
        _say,
    ),
    Rule(
        re.compile(rf"{words.LEFT}(?P<sign>{SIGN})(?P<amount>{AMOUNT}){_SCALE} ?{_CODE}{_EACH}(?!\w)"),
        _say,
    ),
    Rule(re.compile(rf"(?<!\w){_CODE} ?(?P<sign>[-−])?(?P<amount>{AMOUNT}){_SCALE}{_EACH}{_END}"), _say),
)
