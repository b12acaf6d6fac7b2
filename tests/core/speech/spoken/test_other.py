"""Numbers in other languages; everything else as it was written."""

from __future__ import annotations

import pytest

from voicebot.speech.spoken import spoken


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("de", "Es sind 42 Leute.", "Es sind zweiundvierzig Leute."),
        ("de-AT", "1.000.000 Menschen", "eine Million Menschen"),
        ("de", "genau 3,14", "genau drei Komma eins vier"),
        ("de", "im Jahr 1999", "im Jahr neunzehnhundertneunundneunzig"),
        ("fr", "Il y a 80 chats", "Il y a quatre-vingts chats"),
        ("fr-CH", "Il y a 80 chats", "Il y a huitante chats"),
        ("fr", "1 000 000 habitants", "un million habitants"),
        ("es", "hay 100 personas", "hay cien personas"),
        ("it", "sono 21 anni", "sono ventuno anni"),
        ("pt-BR", "são 16 dias", "são dezesseis dias"),
        ("pt", "são 16 dias", "são dezasseis dias"),
        ("nb-NO", "det er 7 dager", "det er syv dager"),
        ("cs", "je jich 5", "je jich pět"),
        ("ru", "всего 15", "всего пятнадцать"),
    ],
)
def test_numbers_in_words(language: str, written: str, said: str) -> None:
    result = spoken(written, language)
    assert result.text == said
    assert result.written_words(len(said.split())) == len(written.split())


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "am 3. Mai"),
        ("de", "der 12.05.2026 um 15:30 Uhr"),
        ("de", "5 € oder €5, 50 %, 20°C"),
        ("de", "A4, 5km, 10-12, 1/2, -5, #5"),
        ("de", "1 Apfel"),
        ("de", "030 123456 und +49 30 123 456"),
        ("es", "llame al 600 123 456"),
        ("ja", "2026年3月"),
        ("xx", "5 und 6"),
        ("fil", "5 araw"),
        ("", "5"),
        ("de", "Dr. Meier usw."),
    ],
)
def test_what_is_left_as_written(language: str, text: str) -> None:
    assert spoken(text, language).text == text
