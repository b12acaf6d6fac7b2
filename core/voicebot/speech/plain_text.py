"""Leaving out of an answer what is there for the eye: markup, emoji, stray symbols.

Works on one clause at a time and keeps no state, so marks are dropped whether or not their partner is in the same
clause (an opening `**` here, its close two clauses later). The words inside a code fence are kept.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

__all__ = ["speakable"]

_URL = r"[^\s()<>\[\]]"
_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Whole lines: fences (with their language), rules, table rulers.
        (r"(?m)^(?:```|~~~)[\w+#.-]*$|^(?:```|~~~)\w+ ", " "),
        (r"(?m)^(?:[|: -]+|(?:\* ?){3,}|(?:_ ?){3,}|={3,})$", " "),
        # What a line begins with: quotation, bullet, heading, task box.
        (r"(?m)^(?:> ?)+", ""),
        (r"(?m)^[*+•◦▪‣–—-] (?:\[[ xX]\] )?", ""),
        (r"(?m)^#{1,6} | #+$", ""),
        # Comments, tags, addresses in angle brackets.
        (r"<!--.*?(?:-->|$)", " "),
        (r"</?[A-Za-z][\w:-]{0,30}(?:\s[^<>]{0,300})?/?>", " "),
        (rf"<((?:https?://|mailto:)?{_URL}+)>", r"\1"),
        # Links and images give their text; what is left of one cut in half goes.
        (rf"!?\[([^\[\]]*)\]\({_URL}*(?: \"[^\"]*\")?\)", r"\1"),
        (r"\[\^?\d{1,3}\]", ""),
        (r"\[([^\[\]]+)\]\[[^\[\]]*\]", r"\1"),
        (rf"\]\({_URL}*\)?", ""),
        (r"\b(?:https?://|mailto:)(?:www\.)?", ""),
        # Tables.
        (r"(?m)^\||\|$", ""),
        (r" ?\|+ ?", ", "),
        # Emoticons.
        (r"(?:(?<=\s)|^)[:;=]['’]?-?[()DPp/|](?=\s|$|[.!?,])", ""),
        # Emphasis, code, escapes; a star between numbers multiplies.
        (r"(?<=\d) ?\\?\* ?(?=\d)", " × "),
        (r"[*`\\^{}\[\]]|~~", ""),
        (r"(?<=[^\W_])_+(?=[^\W_])", " "),
        (r"[_~|]", ""),
        # Comparisons and "#5", "C#" are words; other such signs are not.
        (r"(?<![\d\s])[<>]|[<>](?![\d\s=])", " "),
        (r"(?<![A-Za-z])#(?!\d)", ""),
    )
)
_TIDY: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"\(\s?\)|\"\s?\"|“\s?”"), " "),
    (re.compile(r"\s+"), " "),
    (re.compile(r" (?=[,.!?;:](?:\s|$))"), ""),
    (re.compile(r",(?:\s*,)+"), ","),
)
_AMPERSAND = re.compile(r"\s+&\s+")
_SPOKEN_SYMBOLS = frozenset("°©®™№℃℉")
_JOINERS = frozenset("\u200c\u200d")  # spelling in Persian and Indic scripts, glue in emoji
_EMOJI_PARTS = frozenset("\ufe0e\ufe0f\u20e3")
_ARROWS = re.compile("[←-⇿⟰-⟿⤀-⥿]")


def speakable(text: str, language: str = "en") -> str:
    """What of `text` a voice should say, on one line; "" where nothing is left to say.

    Removes Markdown and HTML markup (links keep their text), emoji, control characters and stray symbols; keeps
    punctuation, which shapes the prosody. "&" becomes "and" in English; other signs are left to the voice.

    Args:
        text: a clause, possibly with markup that begins or ends in another one.
        language: BCP 47.
    """
    text = _drop_pictures(html.unescape(text))
    text = "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    if language.split("-")[0].casefold() == "en":
        text = _AMPERSAND.sub(" and ", text)
    for pattern, replacement in _TIDY:
        text = pattern.sub(replacement, text)
    text = text.strip().lstrip(",;:. ").strip()
    return text if any(unicodedata.category(char)[0] in "LN" for char in text) else ""


def _drop_pictures(text: str) -> str:
    text = _ARROWS.sub(" ", text)
    out: list[str] = []
    for index, char in enumerate(text):
        if char.isascii():
            out.append(char if char.isprintable() or char in "\n\t" else " ")
            continue
        category = unicodedata.category(char)
        if char in _SPOKEN_SYMBOLS:
            out.append(char)
        elif char in _JOINERS:
            around = text[index - 1 : index] + text[index + 1 : index + 2]
            if len(around) == 2 and all(unicodedata.category(near)[0] in "LM" for near in around):
                out.append(char)
        elif category == "So":
            out.append(" ")
        elif char in _EMOJI_PARTS or category in ("Sk", "Cf", "Cn", "Co", "Cs"):
            continue
        elif category in ("Cc", "Zl", "Zp"):
            out.append("\n")
        elif category == "Zs":
            out.append(" ")
        else:
            out.append(char)
    return "".join(out)
