"""Words of agreement, with which a listener asks the speaker to go on: "uh-huh", "of course", "हाँ"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from voicebot.language.same import undrawn, words

__all__ = ["count_words", "is_backchannel"]

# Hums and fillers stand here too: they are sounds that listeners make, and take no floor. What stops a speaker is in
# no list ("no", "stop", "wait", "sorry", "actually", "but"; German "halt" and "doch", Spanish "ya" and "para").
_EVERYWHERE = """
m, n, mm, nm, mn, hm, hmm, mhm, nhm, mmhm, mm hm, mh mh, uh huh, uhhuh, uhuh, huh, uh, uhm, ah, aha, ah ha, oh, ooh
ha, haha, ha ha, ok, okay, o k, mkay, m kay, okey, wow
"""
_BY_LANGUAGE = {
    "en": """
        yes, yeah, yea, yah, ya, yep, yup, yeah yeah, aye, um, er, erm, eh, ahem, hum, uh hum, right, alright, all right
        sure, sure thing, of course, i see, i know, i understand, understood, got it, i got it, gotcha, you bet
        true, thats true, thats right, correct, thats correct, exactly, precisely, absolutely, definitely, certainly
        totally, indeed, quite, fine, thats fine, good, very good, thats good, sounds good, great, thats great, perfect
        nice, thats nice, cool, thats cool, lovely, awesome, amazing, interesting, thats interesting, really, oh really
        is that so, makes sense, that makes sense, fair enough, fair, go on, go ahead, carry on, i hear you, no doubt
        my goodness, oh my, oh my god, oh wow, gosh, oh dear, for sure, right on, indeed so
        """,
    "de": """
        ja, jaja, jo, joa, jep, jawohl, genau, ganz genau, ach, ach so, achso, ach ja, äh, ähm, öhm
        gut, sehr gut, na gut, schön, sehr schön, prima, super, toll, klar, na klar, ist klar, alles klar, stimmt
        das stimmt, richtig, verstehe, ich verstehe, verstanden, natürlich, sicher, selbstverständlich, in ordnung, eben
        interessant, wirklich, echt, ach wirklich, echt jetzt, tatsächlich, einverstanden, passt, weiß ich
        """,
    "fr": """
        oui, ouais, mouais, ouaip, daccord, ok daccord, bien, très bien, bien sûr, bien entendu, entendu
        je vois, ah bon, voilà, exact, exactement, tout à fait, cest ça, cest vrai, cest bien, hein, euh, heu, hum
        ben, bah, ben oui, en effet, effectivement, absolument, je comprends, compris, jai compris, parfait, super
        génial, vraiment, certainement, évidemment, intéressant, ça marche, juste, certes
        """,
    "es": """
        sí, si, sip, ajá, aja, ajam, vale, claro, claro que sí, claro que si, bien, muy bien, está bien, esta bien
        entiendo, lo entiendo, entendido, ya veo, ya entiendo, comprendo, de acuerdo, exacto, exactamente, eso es
        así es, asi es, es verdad, por supuesto, correcto, perfecto, genial, cierto, es cierto, desde luego, eh, ehm, em
        de veras, en serio, qué bien, que bien, interesante, sale, okey, hum, jum
        """,
    "it": """
        sì, si, già, certo, certamente, ma certo, va bene, vabbè, daccordo, esatto, esattamente, capisco, capito
        ho capito, bene, molto bene, benissimo, giusto, è vero, è giusto, perfetto, chiaro, eh, eh sì, eh già, ehm, beh
        infatti, ovvio, ovviamente, naturalmente, sicuro, davvero, ah sì, interessante, appunto, assolutamente
        """,
    "nl": """
        ja, jaja, jawel, jazeker, jep, oké, oke, goed, heel goed, is goed, dat is goed, precies, klopt, dat klopt
        inderdaad, natuurlijk, tuurlijk, begrijp ik, ik begrijp het, snap ik, ik snap het, begrepen, juist, prima, mooi
        zeker, zeker weten, eh, ehm, hè, ach, ach zo, ach ja, echt, echt waar, interessant, super, leuk, fijn, akkoord
        """,
    "pt": """
        sim, é, tá, tá bom, tá bem, ta bom, está bom, está bem, certo, tá certo, claro, claro que sim, com certeza
        pois, pois é, pois sim, entendi, entendo, percebo, percebi, compreendo, exato, exatamente, isso, isso mesmo
        beleza, aham, uhum, ahã, hum, hum hum, legal, sei, bem, muito bem, tudo bem, ótimo, perfeito, verdade, é verdade
        de acordo, sem dúvida, né, eh, ã, hã, interessante, nossa, fixe
        """,
    "hi": """
        हाँ, हां, हा, जी, जी हाँ, जी हां, हाँ जी, हां जी, हांजी, अच्छा, अच्छा जी, ठीक, ठीक है, सही, सही है, सही बात है
        हम्म, हूँ, हूं, हुं, ऊँ, अहा, ओह, ओके, ओ के, बिल्कुल, बिलकुल, वाह, समझ गया, समझ गई, समझा, बढ़िया, यस, राइट
        बहुत अच्छा, सच में, सच, ज़रूर, जरूर, हाँ बिल्कुल, चलो ठीक है
        yes, haan, han, haa, haanji, haan ji, ha ji, ji, ji haan, ji han, achha, accha, acha, theek, theek hai
        thik, thik hai, sahi, sahi hai, bilkul, samajh gaya, samajh gayi, badhiya, zaroor, wah, yeah, right, sure
        """,
}


def is_backchannel(text: str, language: str, extra: Iterable[str] | None = None) -> bool:
    """Whether the text is nothing but words of agreement, at least one.

    Args:
        language: BCP 47 tag; only the primary subtag counts, and of one without a list only hums and "okay" do.
        extra: words and phrases instead of those that are known of the language.
    """
    found, counted = _match(text, language, extra)
    return found > 0 and counted == 0


def count_words(text: str, language: str, extra: Iterable[str] | None = None) -> int:
    """How many words are left when those of agreement are taken out; arguments as for `is_backchannel`."""
    return _match(text, language, extra)[1]


def _match(text: str, language: str, extra: Iterable[str] | None) -> tuple[int, int]:
    """(words, those that belong to no backchannel)."""
    known = (
        _built_in(re.split(r"[-_]", language.strip().casefold())[0])
        if extra is None
        else _phrases(tuple(extra))
    )
    longest = max(map(len, known), default=1)
    said = tuple(undrawn(word) for word in words(text))
    counted = start = 0
    while start < len(said):
        sizes = range(min(longest, len(said) - start), 0, -1)
        size = next((size for size in sizes if said[start : start + size] in known), 0)
        counted += not size
        start += size or 1
    return len(said), counted


@lru_cache(maxsize=64)
def _built_in(language: str) -> frozenset[tuple[str, ...]]:
    lines = f"{_EVERYWHERE}{_BY_LANGUAGE.get(language, '')}".splitlines()
    return _phrases(tuple(phrase for line in lines for phrase in line.split(",")))


@lru_cache(maxsize=64)
def _phrases(phrases: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    found = (tuple(undrawn(word) for word in words(phrase)) for phrase in phrases)
    return frozenset(phrase for phrase in found if phrase)
