"""What the end of a transcript says of its turn."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voicebot.language.endings import ending

OPEN = {
    "en": """
        My account number is.
        My account number is
        My name's
        I'd like to.
        I want to
        I'm looking for.
        I'm looking for a
        I was wondering if.
        I need a flight from London to.
        I called yesterday and.
        I called yesterday and I.
        Well, because,
        So I was thinking, um.
        It costs, uhhhh
        Hmm.
        Hmmm...
        Um
        Let me see…
        The options are:
        I need it by Friday –
        The reason I'm calling is.
        I live in.
        It depends on.
        I am interested in
        Okay, so.
        Well.
        Hi. I'm
        The address is 12 Main Street and the
        You’re saying that we’re
        I have three kids, and
        We'd like
        Wait, I mean.
        """,
    "de": """
        Meine Kundennummer ist.
        Ich hätte gern einen
        Ich rufe an, weil.
        Ich suche ein Hotel für.
        Ähm.
        Ich möchte einen Termin und
        Ich komme um,
        """,
    "fr": """
        Je voudrais réserver une table pour.
        Mon numéro est.
        Parce que.
        Euh...
        Je cherche le
        Je pense que
        """,
    "es": """
        Mi número es.
        Quiero reservar una mesa para.
        Porque.
        Necesito el
        Eh.
        Y
        """,
    "pt": "Eu queria,",
    "hi": """
        मुझे चाहिए...
        उम
        """,
    "ja": "それは、",
    "ar": "أريد،",
}
COMPLETE = {
    "en": """
        What time is it?
        What time is it.
        What are you waiting for?
        That's the one I asked for.
        That's what I'm looking for.
        I know what this is about.
        I want to pay for my flight.
        I'd love to.
        I don't want to.
        Kind of.
        It is paid for.
        Do you want to come with.
        So do I.
        Neither can we.
        Yes.
        Mm-hmm.
        Mm hmm.
        Uh-huh.
        No, thank you!
        I don't think so.
        I can't log in.
        I don't know why.
        Option A.
        I'd like a room "for two."
        "Is it?" he asked.
        My number is five.
        Is that it?!
        Oh my.
        I think so too, and that is that.
        Did you ask for, um, milk?
        """,
    "de": """
        Ich komme mit.
        Ich nehme die.
        Weil das Wetter heute so schlecht ist.
        Wie spät ist es?
        Ja.
        """,
    "fr": """
        Oui.
        Est-ce que je peux venir avec vous ?
        J'en veux une.
        Chez vous.
        """,
    "es": """
        ¡Para!
        Para.
        Sí.
        ¿Qué hora es?
        Quiero una.
        """,
    "hi": "मुझे एक टिकट चाहिए।",
    "ja": "東京です。",
    "zh": "你好吗？",
    "ar": "كيف حالك؟",
    "it": "Non lo so.",
}
UNKNOWN = {
    "en": """
        I know where it is.
        where it is
        Here it is.
        what time is it
        a table for two
        My phone number is 415.
        It is spelled C-A-R.
        My name is C A R.
        """,
    "de": "ich möchte einen Tisch reservieren",
    "xx": "and the",
}


def cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(language, line.strip()) for language in table for line in table[language].strip().splitlines()]


@pytest.mark.parametrize(("language", "text"), cases(OPEN))
def test_more_will_follow(language: str, text: str) -> None:
    assert ending(text, language) == "open"
    assert ending(f" “{text}” ", f"{language}-XX") == "open"


@pytest.mark.parametrize(("language", "text"), cases(COMPLETE))
def test_it_is_over(language: str, text: str) -> None:
    assert ending(text, language) == "complete"


@pytest.mark.parametrize(("language", "text"), [*cases(UNKNOWN), ("en", ""), ("en", " ... "), ("", "–")])
def test_nobody_can_say(language: str, text: str) -> None:
    assert ending(text, language) == "unknown"


_ANY = st.text() | st.lists(st.sampled_from([*"aA.,?!…-'\"", " ", "the", "is", "um", "to", "hmm"])).map(
    "".join
)


@given(_ANY, st.sampled_from(["en", "de", "fr", "es", "hi", "", "en-US"]) | st.text(max_size=5))
@example("''", "en")
@example("0?\r", "en")
@settings(max_examples=300)
def test_any_text(text: str, language: str) -> None:
    verdict = ending(text, language)
    assert verdict in ("complete", "open", "unknown")
    assert ending(f"  {text}\n", language) == verdict
    if any(char.isalnum() for char in text):
        assert ending(f"{text}?", language) == "complete"
        assert ending(f"{text},", language) == "open"
        assert ending(f"{text} and", "en") == ending(f"{text} and.", "en") == "open"
