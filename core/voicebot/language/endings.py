"""Whether the words of a turn say that it is over, or that more will follow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from voicebot.language.same import undrawn

__all__ = ["Ending", "ending"]

Ending = Literal["complete", "open", "unknown"]

# Recognisers close almost everything with a full stop, a sentence that was broken off too ("My account number is."), so
# an open last word counts for more than the full stop. A word stands below only where a spoken turn hardly ever ends
# with it: a wrong "open" makes the user of a finished turn wait, a missed one interrupts them.

_QUESTION = "?？؟"
_FULL_STOP = ".。．!！।॥۔"
_OPEN_MARKS = ",，、،:：-–—…⋯"
_CLOSING = "\"'”’»)]}*_ \t\n"
_PUNCTUATION = _QUESTION + _FULL_STOP + _OPEN_MARKS + _CLOSING + "“„‚‘«([{¿¡;/`"
_SENTENCE_END = re.compile(rf"[{_QUESTION}{_FULL_STOP}]+\s+")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _pairs(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(pair.split()) for line in text.strip().splitlines() for pair in line.split(","))


@dataclass(frozen=True, slots=True)
class _Grammar:
    """What tells an open end in one language; words keep their apostrophes."""

    fillers: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    """Articles, conjunctions and the like: nothing ends with them."""
    closed_pairs: frozenset[tuple[str, ...]] = frozenset()
    """Two words that end a sentence although the last one alone would leave it open."""
    stranding: frozenset[str] = frozenset()
    """Prepositions; open, unless the sentence has a word that they may belong to ("the one I asked for")."""
    pairs: frozenset[tuple[str, ...]] = frozenset()
    """Two words that are as open as a preposition is."""
    stranders: frozenset[str] = frozenset()
    """The words that those may belong to, questions apart."""
    questions: frozenset[str] = frozenset()
    negatable: frozenset[str] = frozenset()
    """Last words that a "not" makes an end of ("I don't want to")."""
    negations: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    """Pronouns; open, unless the word before is one of `inverting` ("so do I")."""
    inverting: frozenset[str] = frozenset()
    copulas: frozenset[str] = frozenset()
    """Open after a noun ("my number is"); after a pronoun ("here it is") or a question word nobody can say."""
    pronouns: frozenset[str] = frozenset()
    copula_openers: frozenset[str] = frozenset()
    """Where given, first words of the sentences in which a copula is open, if they are short."""
    introductions: frozenset[str] = frozenset()
    """Open where nothing but `answers` goes before ("okay, so")."""
    answers: frozenset[str] = frozenset()


_FILLERS = _set("uh uhm hm")
_DICTATED = re.compile(r".*\d|(?:.*[-\s])?\w[-\s]\w")
_HUMS = _pairs("m hm, mh m, uh hm, uh h")
"""Agreement in two words, not hesitation."""

# English, left out because turns end with them: so, that, though, while, since, before, after, like, his, her, this,
# some, any, all, by, on, up, over, please, will, can, have, not, you, which and why ("I don't know why").
_GRAMMARS = {
    "en": _Grammar(
        fillers=_set("um er erm"),
        always=_set("""
            and or but nor because cuz although whereas unless whether if until than as except including
            the a an my your our their its it's every per versus vs upon via despite regarding very mr mrs ms dr
            i'm you're we're they're i'll you'll we'll they'll he'll she'll it'll i'd you'd we'd they'd
            i've you've we've they've there's what's who's where's name's gotta
            """),
        closed_pairs=_pairs("""
            kind of, sort of, unheard of, love to, glad to, happy to, not very, oh my, just because, paid for
            come with, coming with, begin with, go without, do without, live without, in between, just about, and about
            """),
        stranding=_set(
            "to of for with from at into onto between during without about towards toward wanna gonna"
        ),
        pairs=_pairs("""
            live in, lives in, lived in, living in, based in, born in, located in, staying in, interested in, arrive in
            depends on, depending on, based on, i mean, i'd like, we'd like, i want, i need
            """),
        stranders=_set("""
            that that's one ones thing things something anything nothing everything someone anyone somebody anybody
            person people place all
            """),
        questions=_set(
            "what what's who who's whom which where where's when how why whatever whoever wherever"
        ),
        negatable=_set("to wanna gonna"),
        negations=_set(
            "not never cannot don't doesn't didn't won't wouldn't can't couldn't shouldn't isn't aren't"
        ),
        subjects=_set("i we they he she"),
        inverting=_set("""
            do does did am is are was were have has had can could will would shall should may might must
            don't doesn't didn't isn't aren't wasn't weren't haven't hasn't won't wouldn't can't couldn't than as
            """),
        copulas=_set("is are was were"),
        pronouns=_set("it he she they we you i that there so neither"),
        introductions=_set("so well"),
        answers=_set("so well okay ok yeah yes no right and but oh alright now anyway um uh hi hello"),
    ),
    "de": _Grammar(
        fillers=_set("äh ähm öh öhm eh ehm"),
        # Not "die", "das", "den" ("ich nehme die"), "mit", "an", "auf", "zu" ("ich komme mit"), "denn", "damit".
        always=_set("""
            und oder aber weil dass ob wenn obwohl sondern sowie einen einem mein meinen meinem dein deinen unser
            unseren unserem von für bei ohne gegen zwischen bis seit wegen trotz im am zum zur vom beim ins ans sehr
            """),
        copulas=_set("ist sind war lautet heißt"),
        questions=_set("wer wie was wo wann warum welche welcher welches"),
        # A clause that depends on another ends with its verb: "weil das Wetter schlecht ist".
        copula_openers=_set("mein meine unser unsere der die das"),
    ),
    "fr": _Grammar(
        fillers=_set("euh heu"),
        # Not "une" ("j'en veux une"), "si", "donc", "car", "son", "sans", "nous", "il" ("où est-il").
        always=_set("""
            et ou mais parce que qu le la les des du de mon ma mes ton ta tes sa ses notre votre nos vos ce cet cette
            à au aux pour dans chez par entre pendant je j très mme
            """),
        copulas=_set("est sont était"),
        questions=_set("qui que quoi où quand comment pourquoi quel quelle"),
        copula_openers=_set("mon ma mes notre le la les"),
    ),
    "es": _Grammar(
        fillers=_set("eh ehm em"),
        # Not "para" and "como" alone ("¡para!"), "una" ("quiero una"), "sobre", "tu", "si" (often for "tú", "sí").
        always=_set("""
            y o u pero porque aunque que el la los las un mi su mis sus nuestra de del a al en con por sin entre hasta
            desde muy me se sra
            """),
        stranding=_set("para"),
        copulas=_set("es son era"),
        questions=_set("qué quién cómo cuál dónde cuándo"),
        copula_openers=_set("mi mis nuestro nuestra el la los las"),
    ),
    "it": _Grammar(fillers=_set("ehm mh")),
    "nl": _Grammar(fillers=_set("eh ehm")),
    "pt": _Grammar(fillers=_set("eh hã")),
    "hi": _Grammar(fillers=_set("um उम अम")),
}
_UNKNOWN = _Grammar(fillers=_set("um"))


def ending(text: str, language: str) -> Ending:
    """What the end of a transcript says of its turn.

    Args:
        language: BCP 47 tag; only the primary subtag counts. Of a language without a list, fillers and marks tell.

    Returns:
        `open`: it ends with a filler, with a word that nothing ends with, or with an ellipsis, comma, dash or colon.
        `complete`: it ends with a full stop, exclamation or question mark and is not open.
        `unknown`: anything else, also a statement that ends in a figure or a letter ("415.", "C-A-R.").
    """
    text = " ".join(text.split()).rstrip(_CLOSING)
    body = text.rstrip(_QUESTION + _FULL_STOP + _OPEN_MARKS + _CLOSING)
    marks = text[len(body) :]
    sentence = _SENTENCE_END.split(body)[-1]
    tokens = [token.strip(_PUNCTUATION) for token in sentence.split()]
    tokens = [token for token in tokens if token]
    if not tokens:
        return "unknown"
    if any(mark in marks for mark in _QUESTION) and marks[-1] not in _OPEN_MARKS:
        return "complete"
    if marks and (marks[-1] in _OPEN_MARKS or ".." in marks):
        return "open"
    grammar = _GRAMMARS.get(re.split(r"[-_]", language.strip().casefold())[0], _UNKNOWN)
    verdict = _last_word(grammar, tokens, text)
    if verdict is not None:
        return verdict
    if not marks or _DICTATED.fullmatch(" ".join(tokens[-2:])):
        # Numbers and spelled words come in groups, and each group gets its full stop.
        return "unknown"
    return "complete"


def _last_word(grammar: _Grammar, tokens: list[str], text: str) -> Ending | None:
    """What the last word says, or None where it says nothing."""
    said = [token.casefold().replace("’", "'") for token in tokens]
    last, pair, before = said[-1], tuple(said[-2:]), set(said[:-1])
    if undrawn(last) in grammar.fillers | _FILLERS:
        return None if tuple(map(undrawn, pair)) in _HUMS else "open"
    if pair in grammar.closed_pairs:
        return None
    if last in grammar.always:
        # An A is a letter ("option A"); another one may as well be the first word of its sentence ("Y" in Spanish).
        letter = len(last) == 1 and tokens[-1].isupper() and (last == "a" or bool(before))
        return None if letter else "open"
    if last in grammar.stranding or pair in grammar.pairs:
        asked = before & (grammar.stranders | grammar.questions)
        negated = last in grammar.negatable and before & grammar.negations
        return None if asked or negated or not before else "open"
    if last in grammar.subjects and before:
        return None if said[-2] in grammar.inverting else "open"
    if last in grammar.copulas and before:
        return _copula(grammar, said)
    heard = {token.strip(_PUNCTUATION).casefold() for token in text.split()} - {""}
    if last in grammar.introductions and heard <= grammar.answers:
        return "open"
    return None


def _copula(grammar: _Grammar, said: list[str]) -> Ending | None:
    if grammar.questions.intersection(said):
        return "unknown"
    if grammar.copula_openers:
        return "open" if said[0] in grammar.copula_openers and len(said) <= 4 else None
    return "unknown" if grammar.pronouns.intersection(said[-3:-1]) else "open"
