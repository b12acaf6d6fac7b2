"""Words compared: the word error rate, and how far into a text a transcript reaches.

Both sides are normalised alike before: lower case, no punctuation, `%` and currency spelt out, and numbers as their
digits, one word each, however they were written (`twenty-five`, `25` and `25th` are `2 5`; `1,200` and
`twelve hundred` are `1 2 0 0`). `okay` is `ok` and `alright` is `all right`. Nothing else is forgiven.
"""

from __future__ import annotations

import re
import unicodedata

from rapidfuzz.distance import Levenshtein

__all__ = ["reached_words", "word_errors", "words"]

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {name: value for names in (_ONES, _ORDINALS) for value, name in enumerate(names.split())}
_TEN = {name: 10 * value for value, name in enumerate(_TENS.split(), 2)} | {
    name[:-1] + "ieth": 10 * value for value, name in enumerate(_TENS.split(), 2)
}
_SCALE = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_SIGNS = {"%": " percent ", "&": " and "}
_SPELLINGS = {"okay": "ok", "alright": "all right"}
_CURRENCY = {"$": "dollars", "€": "euros", "£": "pounds"}


def words(text: str) -> list[str]:
    """The normalised words of a text."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    for sign, name in _CURRENCY.items():
        text = re.sub(re.escape(sign) + r"\s?(\d[\d,.]*\d|\d)", rf"\1 {name}", text)
    for sign, name in _SIGNS.items():
        text = text.replace(sign, name)
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", text)
    tokens = re.findall(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*", text)
    plain: list[str] = []
    for index, token in enumerate(tokens):
        # 25th is split into 25 and th.
        if token in ("st", "nd", "rd", "th") and index and tokens[index - 1].isdigit():
            continue
        plain += _SPELLINGS.get(token, token).split()
    return _with_digits(plain)


def _with_digits(tokens: list[str]) -> list[str]:
    out: list[str] = []
    index = 0
    while index < len(tokens):
        value, used = _number(tokens, index)
        if used:
            out += str(value)
            index += used
        elif tokens[index].isdigit():
            out += tokens[index]
            index += 1
        else:
            out.append(tokens[index])
            index += 1
    return out


def _number(tokens: list[str], at: int) -> tuple[int, int]:
    """The number whose words begin here, and how many they are; 0 words where there is none.

    `five five` is two numbers, `twenty five` one.
    """
    total, (current, used) = 0, _below_hundred(tokens, at)
    if not used:
        return 0, 0
    while (scale := _SCALE.get(_at(tokens, at + used))) is not None:
        used += 1
        if scale == 100:
            current *= scale
        else:
            total, current = total + current * scale, 0
        also = 1 if _at(tokens, at + used) == "and" else 0
        more, count = _below_hundred(tokens, at + used + also)
        if count:
            current, used = current + more, used + also + count
    return total + current, used


def _below_hundred(tokens: list[str], at: int) -> tuple[int, int]:
    token, following = _at(tokens, at), _at(tokens, at + 1)
    if (ten := _TEN.get(token)) is not None:
        one = _SMALL.get(following, 0)
        return (ten + one, 2) if 0 < one < 10 else (ten, 1)
    if (small := _SMALL.get(token)) is not None:
        return small, 1
    if token.isdigit() and len(token) <= 3 and following in _SCALE:
        return int(token), 1
    return 0, 0


def _at(tokens: list[str], index: int) -> str:
    return tokens[index] if index < len(tokens) else ""


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Substituted, left-out and added words, and the reference's words."""
    wanted = words(reference)
    return Levenshtein.distance(wanted, words(hypothesis)), len(wanted)


def reached_words(text: str, transcript: str) -> int:
    """How many of the text's first words the transcript covers best: those of the prefix that is nearest to it.

    By edit distance of words; of several as near, the one that ends with the transcript's last word, else the one
    that has as many words: a misheard word is a word.
    """
    full, heard = words(text), words(transcript)
    # One row of the distance matrix after the other; the last one holds the distances to all prefixes.
    row = list(range(len(full) + 1))
    for word in heard:
        above, row = row, [row[0] + 1]
        for index, wanted in enumerate(full):
            row.append(min(above[index] + (word != wanted), above[index + 1] + 1, row[index] + 1))
    return min(
        range(len(row)),
        key=lambda count: (row[count], full[count - 1 : count] != heard[-1:], abs(count - len(heard)), count),
    )
