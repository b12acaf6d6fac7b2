"""What the callers of the bench say.

The words "story", "everything" and "explain" make the bench's model answer long: every turn that is spoken
over has one of them, and no other turn does.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BACKCHANNELS",
    "FILLERS",
    "INTERRUPTIONS",
    "LONG_ANSWERS",
    "LONG_ANSWER_WORDS",
    "NOISY",
    "NUMBERS",
    "PAUSES",
    "PLAIN",
    "Line",
]

LONG_ANSWER_WORDS = ("story", "everything", "explain")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say, in parts with a pause between two."""

    text: str
    spoken: tuple[str, ...] = ()
    """As the voice is to read it, part by part; () is `text` in one go."""

    @property
    def parts(self) -> tuple[str, ...]:
        return self.spoken or (self.text,)


def _parts(*parts: str) -> Line:
    return Line(" ".join(parts), parts)


def _read_as(text: str, spoken: str) -> Line:
    return Line(text, (spoken,))


PLAIN = (
    Line("What time do you open?"),
    Line("Where is my order?"),
    Line("I would like to cancel."),
    Line("Is anybody there who can help me?"),
    Line("I'd like to book a table for two tomorrow evening."),
    Line("Can you tell me whether my package has been shipped?"),
    Line("My internet connection has been slow since yesterday morning."),
    Line("I lost my password and I cannot log in to my account."),
    Line("Do you have anything available on Saturday afternoon?"),
    Line("Please send the invoice to my office instead of my home."),
    Line("Could I speak to somebody about my last bill?"),
    Line("How long does the delivery take if I order it today?"),
    Line("How much does the monthly plan cost, and is there a discount for students?"),
    Line("The heating in my apartment stopped working last night and it is very cold in here."),
    Line("I was charged twice for the same order, and I would like to have my money back."),
    Line(
        "I bought a washing machine from you last month, it makes a terrible noise, and now it does not start at all."
    ),
    Line(
        "My daughter has a fever and a headache since this morning, and I would like to know whether the doctor "
        "has time to see her today."
    ),
    Line(
        "We are four people, we will arrive on Friday evening, and we need two rooms next to each other, one of "
        "them with a bath, for three nights."
    ),
)

NOISY = (
    Line("Can you hear me now?"),
    Line("I am standing at the bus stop, and the bus has not come."),
    Line("Which platform does the train to Boston leave from?"),
    Line("I would like to change the address of my delivery."),
    Line("Is the museum open on public holidays?"),
    Line("My card was declined and I do not know why."),
    Line("How do I get to the airport from the central station?"),
    Line("Please call me back when the technician is on the way."),
    Line("I left my umbrella in your restaurant last night."),
    Line("Do I have to bring my passport with me?"),
    Line("There is a problem with the printer on the second floor."),
    Line("Can I pay for the parking with my phone?"),
)

PAUSES = (
    (300, _parts("I would like to change my booking,", "because my flight has been moved.")),
    (500, _parts("Could you tell me,", "whether the shop is open on Sunday?")),
    (700, _parts("The number on the letter is wrong,", "so I did not pay it.")),
    (1000, _parts("I need an appointment with the dentist,", "on Monday or Tuesday.")),
    (1500, _parts("Let me think about that,", "yes, the second one is fine.")),
    (500, _parts("I ordered a pair of shoes,", "but you sent me a jacket.")),
    (1000, _parts("If the room is still free,", "I would like to stay one more night.")),
)
"""Milliseconds of pause, and what is said before and after it."""

FILLERS = (
    _parts("I need to change my appointment, um,", "to Thursday."),
    _parts("I would like to order, uh,", "a large pizza with mushrooms."),
    _parts("Can you give me the, um,", "the address of your office?"),
    _parts("I think it was, uh,", "last Wednesday."),
    _parts("My problem is, well, um,", "the screen stays black."),
    _parts("I am calling about, uh,", "the apartment on Green Street."),
)

NUMBERS = (
    _read_as(
        "My phone number is 415-555-0136.",
        "My phone number is four one five, five five five, zero one three six.",
    ),
    _read_as("It was on March 14th, 2023.", "It was on March fourteenth, twenty twenty three."),
    _read_as(
        "The invoice says $249.99.", "The invoice says two hundred forty nine dollars and ninety nine cents."
    ),
    _read_as("My name is Carter, C-A-R-T-E-R.", "My name is Carter. C, A, R, T, E, R."),
    _read_as(
        "My account number is 7 0 2 9 4 4 1 8.",
        "My account number is seven zero two nine, four four one eight.",
    ),
    _read_as("The zip code is 90210.", "The zip code is nine zero two one zero."),
    _read_as(
        "I'd like to come at 10:30 on the 22nd of June.",
        "I'd like to come at ten thirty on the twenty second of June.",
    ),
    _read_as(
        "Please transfer $1,500 to my savings account.",
        "Please transfer one thousand five hundred dollars to my savings account.",
    ),
)

LONG_ANSWERS = (
    Line("Tell me a story, please."),
    Line("Can you explain how the delivery works?"),
    Line("I want to know everything about your return policy."),
    Line("Could you tell me the story of your company?"),
    Line("Please explain the difference between the two plans."),
    Line("Tell me everything about the rooms in your hotel."),
    Line("Would you explain my last bill to me?"),
    Line("Tell me a long story about a dog."),
    Line("What is the story behind the name of this restaurant?"),
    Line("Can you explain what the insurance covers?"),
    Line("I need to know everything before I sign the contract."),
    Line("Please explain step by step how I reset the router."),
    Line("Tell me everything that I have to bring to the appointment."),
    Line("Could you explain to me how the warranty works?"),
    Line("Do you know a good story for children?"),
    Line("Please tell me everything about the museum."),
    Line("Explain to me how I can change my ticket."),
    Line("Tell me the whole story of what happened to my order."),
)

INTERRUPTIONS = (
    Line("Stop, please stop."),
    Line("No wait, I meant tomorrow."),
    Line("Sorry, can I ask something else?"),
    Line("Hold on a second, please."),
    Line("That is not what I asked."),
    Line("Thank you, that is enough."),
    Line("Excuse me, how much is it?"),
    Line("Wait, say that again."),
    Line("No, no, I want to cancel it."),
    Line("Can we do this another time?"),
    Line("I already know that."),
    Line("Actually, I have one more question."),
)

BACKCHANNELS = (
    _read_as("Uh-huh.", "Uh huh."),
    Line("Yeah."),
    Line("Okay."),
    Line("Right."),
    Line("Mm-hmm."),
    Line("I see."),
    Line("Yes."),
    Line("Sure."),
    Line("Oh, okay."),
    Line("Yeah, right."),
)
