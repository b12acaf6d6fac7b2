"""Cutting an answer, as it is generated, into clauses that a voice can speak.

Own code because sentence splitters (pysbd, punkt, sentencex) want the whole text, and the streaming ones
(stream2sentence, sentence-stream) do not bound a clause's length or decide differently for differently cut deltas.

The text is scanned once, left to right. Each position is judged only when everything its verdict can depend on is
there (a bounded look-ahead: the rest of the punctuation, the next word), so the clauses depend on the text alone and
never on how it was cut into deltas. A clause may wait for the next word before it is given out; `flush` ends the wait.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

__all__ = ["ClauseSplitter"]

MIN_TAIL: Final = 10
"""A sentence is not cut where less than this many characters of it would be left over."""
WIDE_WEIGHT: Final = 3
"""A CJK character takes about as long to say as three Latin letters."""
CONJUNCTION_WEIGHT: Final = 1.5
"""A cut before a conjunction is heard more than one at a comma: the first clause must be this much longer for it."""
MAX_RUN: Final = 16
"""Longest run of marks ("?!?!…") or closers that is read as one."""
MAX_WORD: Final = 14
"""Longest next word looked at."""
FEED: Final = 256
"""Characters taken in at once, so that a huge delta never makes a huge buffer."""

_NEWLINES = frozenset("\n\r\v\f\x85\u2028\u2029")
_MARKS = frozenset(".!?…")
_FINAL_MARKS = frozenset("。！？｡．؟۔।॥")  # a sentence's end whatever follows, no space needed
_WIDE_COMMAS = frozenset("，、；：､")
_COMMAS = frozenset(",;:،؛")
_BULLETS = frozenset("•◦▪‣")
_CLOSERS = frozenset("\"'”’»›)]}*_`~」』】）》〉”")
_OPENERS = "\"'“‘«‹([{*_`~„¿¡「『（"


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Never the end of a sentence (compared without the last dot, case folded).
_NEVER = _words("mr mrs ms mx dr prof messrs mme mlle sra dra vs cf viz approx e.g i.e ca bzw z.b d.h u.a")
# Not the end before a number ("No. 5"), otherwise a plain word ("No. I can't").
_NUMBERED = _words("no nos nr fig figs p pp vol sec ch art eq pt tel op")
# An end only before a word that begins sentences ("at Acme Inc. The ...", but "Acme Inc. Ltd").
_SOMETIMES = _words(
    "gen sen rep lt col capt sgt rev hon gov pres fr st mt ft al sr jr inc ltd co corp ave blvd rd dept est "
    "jan feb mar apr jun jul aug sept sep oct nov dec mon tue tues thu thur thurs fri ph.d m.d b.sc m.sc"
)
_STARTERS = _words(
    "the a an this that these those it he she we you they i there here in on at for from with to as if when while "
    "what who where why how which is are was were do does did can could will would should have has my your our his "
    "her its their but and or so then also however please let yes no not now after before because since although "
    "once each every some many most all today tomorrow"
)
_CONJUNCTIONS = _words("and but or so because although though while which whereas unless until if when")
_GERMAN_MONTHS = _words("januar februar märz april mai juni juli august september oktober november dezember")
_NUMBER = re.compile(r"\d{1,3}")
_FIRST_ITEM = re.compile(r" 1[.)] \S")

Verdict = tuple[Literal["no", "wait", "soft", "hard"], int]
_NO: Final[Verdict] = ("no", 0)
_WAIT: Final[Verdict] = ("wait", 0)


class ClauseSplitter:
    """Turns text deltas into clauses, each stripped of the space around it and never empty.

    Clauses are whole sentences, list items and lines of at most `max_clause_chars`; longer ones are cut at their last
    comma, else at a space, else (a word longer than that) anywhere. Only the first clause may end earlier: at a comma,
    semicolon, colon, dash or before a conjunction, once it holds `first_clause_chars`, so that speech starts soon.
    Without white space, the clauses together are exactly the text.

    At most `max_clause_chars` and a short look-ahead are held back; time is linear in the text's length.

    Args:
        first_clause_chars: how long the first clause is before it may end at a comma.
        max_clause_chars: the longest clause, at least 40.

    Raises:
        ValueError: a limit is out of range.
    """

    def __init__(self, first_clause_chars: int = 24, max_clause_chars: int = 200) -> None:
        if max_clause_chars < 4 * MIN_TAIL:
            raise ValueError(f"max_clause_chars is {max_clause_chars}; it must be at least {4 * MIN_TAIL}")
        if first_clause_chars < 1:
            raise ValueError(f"first_clause_chars is {first_clause_chars}; it must be at least 1")
        self._first_chars = first_clause_chars
        self._max_chars = max_clause_chars
        self._reset()

    def _reset(self) -> None:
        self._text = ""  # the unfinished clause and the look-ahead; every run of space is one " " or "\n"
        self._space = "\n"  # the last run of space seen: "" none, " " not yet in `_text`, "\n" already there
        self._first = True
        self._restart()

    def _restart(self) -> None:
        self._at = 0
        self._weight = 0  # of _text[:_at], in Latin characters
        self._spoken = False  # whether _text[:_at] holds a letter or digit
        self._early = 0  # where the first clause may end, once enough text is seen to follow
        self._soft = 0  # the last comma or the like

    def push(self, delta: str) -> list[str]:
        """Take more text (any length, "" too); returns the clauses that are now certain."""
        clauses: list[str] = []
        for start in range(0, len(delta), FEED):
            self._take(delta[start : start + FEED])
            self._scan(clauses, ended=False)
        return clauses

    def flush(self) -> list[str]:
        """End the text: returns what is left, and is ready for another text."""
        clauses: list[str] = []
        self._scan(clauses, ended=True)
        self._emit(len(self._text), clauses)
        self._reset()
        return clauses

    def _take(self, piece: str) -> None:
        out: list[str] = []
        for char in piece:
            if char in _NEWLINES:
                if self._space != "\n":
                    out.append("\n")
                self._space = "\n"
            elif char.isspace():
                self._space = self._space or " "
            else:
                if self._space == " ":
                    out.append(" ")
                self._space = ""
                out.append(char)
        self._text += "".join(out)

    def _scan(self, clauses: list[str], *, ended: bool) -> None:
        while self._at < len(self._text):
            at = self._at
            if self._early and at - self._early >= MIN_TAIL:
                self._emit(self._early, clauses)
                continue
            if at >= self._max_chars:
                self._emit(self._forced_cut(), clauses)
                continue
            verdict, position = self._judge(at, ended)
            if verdict == "wait":
                return
            char = self._text[at]
            self._at += 1
            self._weight += WIDE_WEIGHT if unicodedata.east_asian_width(char) in "WF" else 1
            self._spoken = self._spoken or char.isalnum()
            if verdict == "hard" and self._spoken and position <= self._max_chars:
                self._emit(position, clauses)
            elif verdict == "soft":
                self._soft = position
                if self._first and not self._early and self._spoken and self._weight >= self._first_chars:
                    self._early = position

    def _emit(self, position: int, clauses: list[str]) -> None:
        clause = self._text[:position].strip()
        self._text = self._text[position:].lstrip()
        self._restart()
        if clause:
            self._first = False
            clauses.append(clause)

    def _forced_cut(self) -> int:
        """Where to cut a clause that is too long."""
        limit = self._max_chars
        if limit // 2 <= self._soft <= limit - MIN_TAIL:
            return self._soft
        for end in (limit - MIN_TAIL, limit):
            space = max(self._text.rfind(" ", 1, end + 1), self._text.rfind("\n", 1, end + 1))
            if space > 0:
                return space
        cut = limit
        while cut > limit - MAX_RUN and _joins(self._text[cut - 1], self._text[cut]):
            cut -= 1
        return cut

    # --- the rules: what position `at` means, given what follows it -------------------------------------------------

    def _judge(self, at: int, ended: bool) -> Verdict:
        char = self._text[at]
        if char == "\n":
            alone = self._text[at - 1] in ".)" and self._is_list_marker(at - 1)
            return _NO if alone else ("hard", at)
        if char in _MARKS or char in _FINAL_MARKS:
            return self._judge_mark(at, ended)
        if char in _BULLETS:
            return ("hard", at)
        if char in _WIDE_COMMAS:
            return ("soft", at + 1)
        if char in _COMMAS or char in "—–-":
            if at + 1 == len(self._text):
                return _NO if ended else _WAIT
            return self._judge_comma(at, ended) if char in _COMMAS else self._judge_dash(at)
        if char == " " and self._first and self._weight >= CONJUNCTION_WEIGHT * self._first_chars:
            word = self._next_word(at, ended)
            if word is None:
                return _WAIT
            return ("soft", at) if word in _CONJUNCTIONS else _NO
        return _NO

    def _judge_comma(self, at: int, ended: bool) -> Verdict:
        text = self._text
        if not text[at + 1].isspace():
            return _NO  # 1,000 or 10:30
        if text[at] == ":" and text[at + 2 : at + 3] == "1":  # "Do this: 1. Open ..."
            if len(text) < at + 6 and not ended:
                return _WAIT
            if _FIRST_ITEM.match(text, at + 1):
                return ("hard", at + 1)
        return ("soft", at + 1)

    def _judge_dash(self, at: int) -> Verdict:
        before, after = self._text[at - 1 : at], self._text[at + 1]
        if self._text[at] == "—":
            return _NO if before.isdigit() and after.isdigit() else ("soft", at + 1)
        joined = (
            not after.isspace() or before not in (" ", "-") or self._text[max(at - 2, 0) : at - 1].isdigit()
        )
        return _NO if joined else ("soft", at + 1)

    def _judge_mark(self, at: int, ended: bool) -> Verdict:
        text = self._text
        if at and (text[at - 1] in _MARKS or text[at - 1] in _FINAL_MARKS):
            return _NO  # judged with the first mark of its run
        marks_end = self._run(at, _MARKS | _FINAL_MARKS)
        end = self._run(marks_end, _CLOSERS)
        marks = text[at:marks_end]
        if end == len(text) and not ended:
            return _WAIT
        after = text[end : end + 2]
        if after[1:] in ("»", "›") and after[0] == " ":  # French sets a space before it
            return ("hard", end + 2)
        if not _FINAL_MARKS.isdisjoint(marks) or not after:
            return ("hard", end)
        if after[0] == "\n":
            return _NO if marks == "." and self._is_list_marker(at) else ("hard", end)
        if after[0] != " ":
            return self._judge_unspaced(at, marks, end)
        lower = after[1].islower()
        if marks != ".":
            if "!" in marks or "?" in marks:
                return _NO if lower and end > marks_end else ("hard", end)
            return ("soft", end) if lower else ("hard", end)  # an ellipsis
        if end > marks_end:
            return _NO if lower else ("hard", end)
        return self._judge_full_stop(at, ended)

    def _judge_unspaced(self, at: int, marks: str, end: int) -> Verdict:
        """A mark with no space after it: part of a number, an address, or a space forgotten."""
        before, after = self._text[at - 1 : at], self._text[end]
        if _is_wide(before) or _is_wide(after):
            return ("hard", end)
        word = self._word_before(at)
        forgotten = (
            marks != "." and before.islower() and after.isupper() and "/" not in word and "." not in word
        )
        return ("hard", end) if forgotten else _NO

    def _judge_full_stop(self, at: int, ended: bool) -> Verdict:
        """A single "." with a space after it."""
        text = self._text
        word, following = self._word_before(at).lstrip(_OPENERS).casefold(), text[at + 2]
        if not word or self._is_list_marker(at) or word in _NEVER:
            return _NO
        if word in _NUMBERED and following.isdigit():
            return _NO
        acronym = (
            len(word) > 1
            and "." in word
            and all(len(part) == 1 and part.isalpha() for part in word.split("."))
        )
        initial = len(word) == 1 and word.isalpha()
        number = _NUMBER.fullmatch(word) is not None
        if not (acronym or initial or number or word in _SOMETIMES or word == "etc"):
            return ("hard", at + 1)
        if following.islower() or (following.isdigit() and not (acronym or number)):
            return _NO
        if word == "etc":
            return ("hard", at + 1)
        next_word = self._next_word(at + 1, ended)
        if next_word is None:
            return _WAIT
        if number:
            return _NO if next_word in _GERMAN_MONTHS else ("hard", at + 1)
        if word == "i":  # the pronoun, unless more initials follow
            return _NO if len(next_word) == 1 and text[at + 3 : at + 4] == "." else ("hard", at + 1)
        return ("hard", at + 1) if next_word in _STARTERS else _NO

    # --- looking around ---------------------------------------------------------------------------------------------

    def _run(self, start: int, chars: frozenset[str]) -> int:
        end = start
        while end < len(self._text) and end - start < MAX_RUN and self._text[end] in chars:
            end += 1
        return end

    def _word_before(self, at: int) -> str:
        return self._text[max(self._text.rfind(" ", 0, at), self._text.rfind("\n", 0, at)) + 1 : at]

    def _is_list_marker(self, at: int) -> bool:
        """Whether all there is before `at` is the "1" or "a" of a list item."""
        before = self._text[:at].strip(_OPENERS + " ")
        return len(before) <= 3 and (before.isdigit() or (len(before) == 1 and before.isalpha()))

    def _next_word(self, at: int, ended: bool) -> str | None:
        """The word after the space at `at`, case folded; None while its end is not in sight."""
        start = at + 1
        while start < len(self._text) and start - at <= MAX_RUN and self._text[start] in _OPENERS:
            start += 1
        end = start
        while end < len(self._text) and end - start < MAX_WORD and self._text[end].isalpha():
            end += 1
        if end == len(self._text) and not ended:
            return None
        return self._text[start:end].casefold()


def _is_wide(char: str) -> bool:
    return bool(char) and unicodedata.east_asian_width(char) in "WF"


def _joins(before: str, after: str) -> bool:
    """Whether two code points belong to one character on screen."""
    return before == "\u200d" or after in "\u200d\ufe0f" or unicodedata.category(after).startswith("M")
