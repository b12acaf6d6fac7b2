"""What is said in place of what is written, in English."""

from __future__ import annotations

import pytest

from voicebot.speech.spoken import spoken

NUMBERS = [
    ("I have 3 cats.", "I have three cats."),
    ("1,000,000", "one million"),
    ("It costs 1,234 points.", "It costs one thousand two hundred and thirty-four points."),
    ("pi is 3.14", "pi is three point one four"),
    ("It was 0.05.", "It was zero point zero five."),
    ("about .5 of it", "about point five of it"),
    ("It was -5 outside", "It was minus five outside"),
    ("a −5 and a +3", "a minus five and a plus three"),
    ("±2", "plus or minus two"),
    ("10-12 people", "ten to twelve people"),
    ("pages 10–12", "pages ten to twelve"),
    ("10 - 12 people", "ten to twelve people"),
    ("agent 007", "agent zero zero seven"),
    ("a 5-year-old", "a five-year-old"),
    ("Room 101.", "Room one hundred and one."),
    ("account 1234567890123", "account one two three, four five six, seven eight nine, zero one two three"),
    ("1. Apples", "one. Apples"),
    ("the 1st, 2nd, 3rd and 21st", "the first, second, third and twenty-first"),
    ("the 1,000th time", "the one thousandth time"),
    ("the 21st-century idea", "the twenty-first-century idea"),
    ("in 1999", "in nineteen ninety-nine"),
    ("since 2005, then 2026", "since two thousand and five, then twenty twenty-six"),
    ("1939–1945", "nineteen thirty-nine to nineteen forty-five"),
    ("the 1990s", "the nineteen nineties"),
    ("the '90s", "the nineties"),
    ("in her 20s", "in her twenties"),
    ("1/2 of it", "one half of it"),
    ("3/4 cup", "three quarters cup"),
    ("2 1/2 hours", "two and a half hours"),
    ("2½ cups and ¼ more", "two and a half cups and one quarter more"),
    ("5/12 of it", "five twelfths of it"),
    ("I rate it 8/10.", "I rate it eight out of ten."),
    ("an 80/20 split", "an eighty twenty split"),
    ("10 000 steps", "ten thousand steps"),
    ("3,4 and 1,5", "three,four and one,five"),
    ("code 978-3-16", "code nine seven eight, three, one six"),
    ("open 24/7", "open twenty-four seven"),
    ("the 2024/25 season", "the twenty twenty-four twenty-five season"),
    ("version 1.2.3 is out", "version one point two point three is out"),
    ("v2.0", "version two point zero"),
    ("192.168.0.1", "one nine two dot one six eight dot zero dot one"),
    ("odds of 3:1", "odds of three to one"),
    ("a 16:9 screen", "a sixteen to nine screen"),
    ("2 x 4", "two by four"),
    ("2x4", "two by four"),
    ("2 × 3 is 6", "two times three is six"),
    ("code 12-34-56", "code twelve thirty-four fifty-six"),
]
MONEY = [
    ("$42.50", "forty-two dollars and fifty cents"),
    ("It is $1.", "It is one dollar."),
    ("only $0.99!", "only ninety-nine cents!"),
    ("$1.01", "one dollar and one cent"),
    ("$5.00", "five dollars"),
    ("$1,200 a month", "one thousand two hundred dollars a month"),
    ("£3.50", "three pounds and fifty pence"),
    ("£0.01", "one penny"),
    ("€20 or 20 € or 20€", "twenty euros or twenty euros or twenty euros"),
    ("¥1000", "one thousand yen"),
    ("$1.2 million", "one point two million dollars"),
    ("$5M", "five million dollars"),
    ("a profit of €3bn", "a profit of three billion euros"),
    ("-$5", "minus five dollars"),
    ("$5-10", "five to ten dollars"),
    ("$5–$10", "five to ten dollars"),
    ("$10/month", "ten dollars per month"),
    ("$15/hr", "fifteen dollars per hour"),
    ("a $5 bill", "a five dollar bill"),
    ("100 USD", "one hundred U S dollars"),
    ("EUR 50", "fifty euros"),
    ("99¢", "ninety-nine cents"),
    ("($3.50)", "(three dollars and fifty cents)"),
]
DATES = [
    ("12/05/2026", "December fifth, twenty twenty-six"),
    ("25/12/2026", "December twenty-fifth, twenty twenty-six"),
    ("12.05.2026", "the twelfth of May, twenty twenty-six"),
    ("2026-05-12", "May twelfth, twenty twenty-six"),
    ("2026-05-12T14:30", "May twelfth, twenty twenty-six at fourteen thirty"),
    ("5/12/26", "May twelfth, twenty twenty-six"),
    ("on 5/12", "on May twelfth"),
    ("May 12, 2026", "May twelfth, twenty twenty-six"),
    ("12 May 2026", "the twelfth of May, twenty twenty-six"),
    ("the 12th of May", "the twelfth of May"),
    ("Jan. 5", "January fifth"),
    ("Sept 3–5", "September third to fifth"),
    ("Mon, Jan 5", "Monday, January fifth"),
    ("in May 2026", "in May twenty twenty-six"),
    ("In March 10 people came", "In March ten people came"),
    ("05/2026", "May twenty twenty-six"),
    ("July 4th", "July fourth"),
    ("You may 5 times", "You may five times"),
]
TIMES = [
    ("3:45 pm", "three forty-five p.m."),
    ("at 3:45pm.", "at three forty-five p.m."),
    ("at 5 p.m.", "at five p.m."),
    ("at 5 p.m. today", "at five p.m. today"),
    ("10am", "ten a.m."),
    ("3:00 p.m.", "three p.m."),
    ("15:30", "fifteen thirty"),
    ("9:05", "nine oh five"),
    ("10:00", "ten o'clock"),
    ("15:00", "fifteen hundred"),
    ("00:00", "midnight"),
    ("9-11am", "nine to eleven a.m."),
    ("9am–5pm", "nine a.m. to five p.m."),
    ("9:00-17:30", "nine o'clock to seventeen thirty"),
    ("John 3:16", "John three sixteen"),
]
PHONES = [
    ("+44 20 7946 0018", "plus four four, two zero, seven nine four six, zero zero one eight"),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("555-123-4567", "five five five, one two three, four five six seven"),
    ("1-800-555-0199", "one, eight zero zero, five five five, zero one nine nine"),
    ("1-800-FLOWERS", "one, eight zero zero FLOWERS"),
    ("020 7946 0018", "zero two zero, seven nine four six, zero zero one eight"),
    ("555-1234", "five five five, one two three four"),
    ("100-2000 people", "one hundred to two thousand people"),
    ("Call 911 now", "Call nine one one now"),
    (
        "4111 1111 1111 1111",
        "four one one one, one one one one, one one one one, one one one one",
    ),
]
ADDRESSES = [
    ("https://example.com/a", "example dot com slash a"),
    ("See example.com.", "See example dot com."),
    ("See https://example.com/a.", "See example dot com slash a."),
    ("www.example.org", "W W W dot example dot org"),
    ("my-site.co.uk", "my dash site dot co dot U-K"),
    ("john.doe@example.com", "john dot doe at example dot com"),
    ("mail a_b1@x.io, please", "mail a underscore b one at x dot I-O, please"),
    ("(https://example.com/a?b=1)", "(example dot com slash a question mark b equals one)"),
    ("localhost:8080", "localhost colon eighty eighty"),
    ("file.tar.gz", "file dot tar dot G-Z"),
    ("open README.md", "open README dot M-D"),
]
UNITS = [
    ("5 km", "five kilometers"),
    ("1 km", "one kilometer"),
    ("5km away", "five kilometers away"),
    ("a 5 km run", "a five kilometer run"),
    ("a 5-km run", "a five-kilometer run"),
    ("10-12 km", "ten to twelve kilometers"),
    ("-5 °C", "minus five degrees Celsius"),
    ("20°C, 68 °F", "twenty degrees Celsius, sixty-eight degrees Fahrenheit"),
    ("turn 90°", "turn ninety degrees"),
    ("50%", "fifty percent"),
    ("5-10 % off", "five to ten percent off"),
    ("3.5%.", "three point five percent."),
    ("60 km/h", "sixty kilometers per hour"),
    ("5 m/s", "five meters per second"),
    ("20 m²", "twenty square meters"),
    ("16 GB of RAM", "sixteen gigabytes of RAM"),
    ("3.2GHz", "three point two gigahertz"),
    ("250 ms", "two hundred and fifty milliseconds"),
    ("5 min. later", "five minutes later"),
    ("10 x 20 cm", "ten by twenty centimeters"),
    ("5'10\"", "five foot ten"),
    ("10k users", "ten thousand users"),
    ("2x faster", "two times faster"),
    ("6 lbs 3 oz", "six pounds three ounces"),
    ("at 5 in the morning", "at five in the morning"),
    ("5 a day", "five a day"),
]
CODES = [
    ("A4", "A-four"),
    ("an MP3 file", "an MP three file"),
    ("5G", "five G"),
    ("Airbus A320", "Airbus A-three twenty"),
    ("A B101", "A B one oh one"),
    ("RTX4090", "RTX forty ninety"),
    ("COVID-19", "COVID-nineteen"),
    ("GPT-4o", "GPT-four o"),
    ("SW1A 1AA", "SW one A one AA"),
    ("Q3", "Q three"),
]
ROMAN = [
    ("Henry IV", "Henry the fourth"),
    ("World War II.", "World War two."),
    ("chapter IX", "chapter nine"),
    ("Elizabeth I was queen", "Elizabeth the first was queen"),
    ("the part I like", "the part I like"),
    ("When Henry I ask", "When Henry I ask"),
    ("Louis XIV, the king", "Louis the fourteenth, the king"),
    ("Class C and an IV drip", "Class C and an IV drip"),
]
ABBREVIATIONS = [
    ("Dr. Smith", "Doctor Smith"),
    ("Dr Smith", "Doctor Smith"),
    ("on Elm Dr.", "on Elm Drive."),
    ("Mr. and Mrs. Lee", "Mister and Missus Lee"),
    ("St. Louis", "Saint Louis"),
    ("In St. Louis", "In Saint Louis"),
    ("at 5 Main St.", "at five Main Street."),
    ("on 5th St.", "on fifth Street."),
    ("No. 5", "Number five"),
    ("No. I cannot.", "No. I cannot."),
    ("see p. 5 and Fig. 2", "see page five and Figure two"),
    ("e.g. this", "for example this"),
    ("That is, i.e., it", "That is, that is, it"),
    ("cats, dogs, etc.", "cats, dogs, et cetera."),
    ("cats, etc., and", "cats, et cetera, and"),
    ("him vs. her", "him versus her"),
    ("Acme Inc.", "Acme Incorporated."),
    ("Ms. Lee", "Miz Lee"),
    ("a Ph.D. in it", "a P-H-D in it"),
    ("coffee w/ milk, w/o sugar", "coffee with milk, without sugar"),
]
SYMBOLS = [
    ("5 + 3 = 8", "five plus three equals eight"),
    ("10 - 3 = 7", "ten minus three equals seven"),
    ("R&D", "R and D"),
    ("AT&T", "A-T and T"),
    ("Smith&Sons", "Smith and Sons"),
    ("salt & pepper", "salt and pepper"),
    ("#1", "number one"),
    ("x²", "x squared"),
    ("5²", "five squared"),
    ("C# and C++", "C sharp and C plus plus"),
    ("< 5 and >3", "less than five and more than three"),
    ("Settings > Wi-Fi", "Settings > Wi-Fi"),
    ("7 > 5", "seven is greater than five"),
    ("8/day", "eight per day"),
    ("a ≥ b", "a is at least b"),
    ("over 50+ people", "over fifty plus people"),
]
PLAIN = [
    "",
    "   ",
    "Hello there, how are you?",
    "Well… he said — “no!” (yes; no?)",
    "No. That is it, I think.",
    "It's John's co-worker and I.",
    "and the sun is up, may be",
    "Mon ami, sat by the sec of dec",
    "Is it in or at, so to say m or km?",
    "NASA, the FBI and AI",
    "The U.S. army and J.R.R. Tolkien, at three a.m. in the U.S.",
    "¿Qué tal, señor?",
    "你好，世界。",
    "one hundred and five kilometers",
    "!!!",
]
GROUPS = (NUMBERS, MONEY, DATES, TIMES, PHONES, ADDRESSES, UNITS, CODES, ROMAN, ABBREVIATIONS, SYMBOLS)
EXAMPLES = [example for group in GROUPS for example in group]


@pytest.mark.parametrize(("written", "said"), EXAMPLES)
def test_what_is_said(written: str, said: str) -> None:
    result = spoken(written, "en-US")
    assert result.text == said
    assert result.written == written


@pytest.mark.parametrize("text", [*PLAIN, *(said for _, said in EXAMPLES)])
def test_what_can_be_said_is_left_alone(text: str) -> None:
    result = spoken(text, "en")
    assert result.text == text
    assert [result.written_words(n) for n in range(len(text.split()) + 2)] == [
        *range(len(text.split()) + 1),
        len(text.split()),
    ]


@pytest.mark.parametrize("language", ["en-GB", "en_gb", "en-AU", "en-Latn-IE"])
def test_the_region_says_which_figure_is_the_month(language: str) -> None:
    assert spoken("12/05/2026", language).text == "the twelfth of May, twenty twenty-six"
    assert spoken("12/25/2026", language).text == "the twenty-fifth of December, twenty twenty-six"
    assert spoken("2026-05-12", language).text == "the twelfth of May, twenty twenty-six"


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("000 people, and 5 p.m.", "zero zero zero people, and five p.m."),
        (".50 of it", "point five zero of it"),
        ("pm or 3", "pm or three"),
        ("km and $", "km and $"),
        ("May", "May"),
        ("the 12/", "the twelve/"),
    ],
)
def test_a_clause_cut_anywhere(clause: str, said: str) -> None:
    assert spoken(clause, "en").text == said


def test_a_whole_sentence() -> None:
    written = "Dr. Smith, of 12 Main St., paid $42.50 on 12/05/2026 at 3:45 pm for 5 km, i.e. 50% of it."
    assert spoken(written, "en").text == (
        "Doctor Smith, of twelve Main Street, paid forty-two dollars and fifty cents on December fifth, twenty "
        "twenty-six at three forty-five p.m. for five kilometers, that is fifty percent of it."
    )
