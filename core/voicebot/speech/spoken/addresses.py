"""Addresses of the web and of mail, and names of files."""

from __future__ import annotations

import re
from typing import Final

from voicebot.speech.spoken import words
from voicebot.speech.spoken.rules import Rule

__all__ = ["RULES"]

_MARKS: Final = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus", "~": "tilde", "!": "exclamation mark",
    ",": "comma", ";": "semicolon", "*": "star", "$": "dollar", "'": "apostrophe", "(": "open parenthesis",
    ")": "close parenthesis",
}  # fmt: skip
_TOKEN: Final = re.compile(r"[0-9]+|[^\W\d_]+|_|[^\w\s]|\w")
_DOMAINS: Final = (
    "com|org|net|io|dev|ai|app|co|edu|gov|info|biz|me|tv|cloud|tech|online|shop|site|xyz|blog|news|int|mil|eu|uk|ca|"
    "au|nz|ie|za|de|fr|es|nl|ch|se|dk|fi|pl|pt|cz|gr|ru|ua|jp|cn|kr|br|mx|tr|example|local"
)
_ENDINGS: Final = (
    "txt|md|pdf|docx?|xlsx?|pptx?|csv|json|ya?ml|toml|xml|html?|css|jsx?|tsx?|py|rs|go|java|cpp|sh|exe|zip|tar|gz|png|"
    "jpe?g|gif|svg|mp3|mp4|wav|log|ini|cfg|conf|sql"
)
_HOST: Final = r"[A-Za-z0-9][A-Za-z0-9-]{0,62}"
_PATH: Final = r"(?::[0-9]{2,5})?(?:[/?#][^\s<>\"“”]{0,300})?"
_TAIL: Final = ".,;:!?'’)]}…"
_WORDS: Final = frozenset(("co", "go", "me", "so"))


def _read(text: str) -> str:
    """Each part and each mark of an address."""
    out = []
    for token in _TOKEN.findall(text):
        if token.isascii() and token.isdigit():
            out.append(words.code_number(token))
        elif token in _MARKS:
            out.append(_MARKS[token])
        elif len(token) == 2 and token.isalpha() and token not in _WORDS and out[-1:] == ["dot"]:
            out.append("-".join(token.upper()))  # "dot I-O", "dot U-K"
        else:
            out.append(token)
    return " ".join(out)


def _address(match: re.Match[str]) -> str | None:
    whole = match["address"]
    address = whole.rstrip(_TAIL)
    if address.count("(") > address.count(")") and whole[len(address) :].startswith(")"):
        address += ")"
    tail = whole[len(address) :]
    if not address:
        return None
    address = address.removesuffix("/") or address
    host = "W W W dot " if address.casefold().startswith("www.") else ""
    return host + _read(address[4:] if host else address) + tail


RULES: Final = (
    Rule(re.compile(r"(?<!\w)(?:https?|ftp|wss?)://(?P<address>[^\s<>\"“”]{1,400})"), _address, digits=False),
    Rule(
        re.compile(
            rf"(?<![\w.@+-])(?:mailto:)?(?P<address>[A-Za-z0-9][\w.+-]{{0,63}}@{_HOST}(?:\.{_HOST}){{1,4}})(?![\w@])"
        ),
        _address,
        digits=False,
    ),
    Rule(
        re.compile(rf"(?<![\w.@/-])(?P<address>www\.{_HOST}(?:\.{_HOST}){{1,4}}{_PATH})"),
        _address,
        digits=False,
    ),
    Rule(
        re.compile(
            rf"(?<![\w.@/-])(?P<address>(?:{_HOST}\.){{1,4}}(?:{_DOMAINS})(?![\w@-])(?!\.\w){_PATH})",
            re.IGNORECASE,
        ),
        _address,
        digits=False,
    ),
    Rule(re.compile(rf"(?<![\w.@/-])(?P<address>localhost:[0-9]{{2,5}}{_PATH})"), _address),
    Rule(
        re.compile(
            rf"(?<![\w@/])(?P<address>\.?[\w-]{{1,60}}(?:\.[\w-]{{1,20}}){{0,2}}\.(?:{_ENDINGS}))(?![\w@])(?!\.\w)"
        ),
        _address,
        digits=False,
    ),
    Rule(re.compile(r"(?<!\S)(?P<address>@[A-Za-z][\w]{1,30})(?!\w)"), _address, digits=False),
)
