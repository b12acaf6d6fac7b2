"""What the stub says: spoken English of usual length, chosen by what it was asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

__all__ = ["LONG", "SHORT", "reply_to", "tokens"]

SHORT = (
    "Sure, I can help you with that. Which day would suit you best?",
    "Of course. We are open from eight in the morning until six in the evening.",
    "That is a good question, and the short answer is yes.",
    "I have found your booking, and everything looks fine for Thursday afternoon.",
    "No problem at all, I have moved your appointment to half past three.",
    "Well, the next train leaves in twenty minutes from platform four.",
    "Let me see. There are two tables left for this evening, one by the window.",
    "Thank you, I have written that down and somebody will call you back today.",
    "It should arrive tomorrow before noon, unless the weather gets much worse.",
    "I am sorry to hear that. Shall I send you a new one right away?",
    "Yes, that works, and it will not cost you anything extra.",
    "Right now it is eleven degrees and cloudy, with some rain later tonight.",
)

LONG = (
    "All right, here is a story that my grandmother liked. Once there was a lighthouse keeper who lived alone on "
    "a small rock in the northern sea. Every evening he climbed the ninety steps to the lamp, and every morning "
    "he climbed down again to feed his two goats. One winter a storm came that was stronger than any he had seen "
    "before. The lamp went out, and in the dark he heard the horn of a ship that was far too close. So he carried "
    "the lantern from his kitchen to the highest window and waved it until his arms were sore. In the morning the "
    "ship lay safely in the bay, and the captain came ashore with a basket of oranges. The keeper had never "
    "tasted an orange, and he talked about them for the rest of his life.",
    "Gladly, let me go through it from the beginning. First you choose the plan that fits you, and you can change "
    "it later without paying anything. Then we send a small box to your home, which usually takes three working "
    "days. When it arrives, you plug it in next to your telephone and wait until the green light stops blinking. "
    "After that you open the page that is printed on the bottom of the box and choose a name and a password. Most "
    "people need about ten minutes for all of that, and somebody is always here if you get stuck. At the end of "
    "the first month you get a bill by mail, and you can pay it however you like. If you are not happy with it, "
    "you send the box back to us and owe us nothing.",
    "There is quite a lot to say about that, so I will take it slowly. The old town was built around the harbour, "
    "and its oldest houses are more than six hundred years old. Merchants from the whole coast met here to trade "
    "salt, cloth and dried fish. When the river filled up with sand, the ships went elsewhere and the town fell "
    "asleep for a long time. That is the reason why so many of the old buildings are still standing today. In the "
    "last century painters discovered the place, and after the painters came the visitors. Nowadays the market is "
    "held on every Saturday, and in summer there is music on the square in the evening.",
    "Good, then let us look at how bread is made, step by step. You begin with flour, water, salt and a little "
    "yeast, and you mix them until no dry flour is left. Then the dough has to rest for half an hour, because the "
    "flour needs time to soak up the water. Now you stretch it and fold it a few times, which makes it smooth and "
    "strong. After that it rises in a warm place until it is twice as large, and that takes about two hours. You "
    "shape it into a loaf, let it rest once more, and heat the oven as hot as it will go. The bread bakes for "
    "forty minutes, and it is done when it sounds hollow as you knock on it. The hardest part comes last, because "
    "you should let it cool down before you cut it.",
)

_LONG_WANTED = re.compile(r"\b(story|everything|explain|tell me all)\b", re.IGNORECASE)


def reply_to(text: str, own: Sequence[str] | None = None) -> str:
    """The reply to a user's message: always the same one to the same words, whatever their case and punctuation.

    Args:
        text: the last thing that the user said. "Story", "everything", "explain" or "tell me all" in it asks for a
            long reply.
        own: replies to choose from instead of ours.
    """
    choices = own or (LONG if _LONG_WANTED.search(text) else SHORT)
    words = " ".join(re.findall(r"\w+", text.casefold()))
    number = int.from_bytes(hashlib.sha256(words.encode("utf-8", "replace")).digest()[:8], "big")
    return choices[number % len(choices)]


def tokens(reply: str) -> list[str]:
    """The words, each with the space before it; together they are the reply."""
    return re.findall(r"\s*\S+", reply)
