"""When a call has lasted long enough, or nobody speaks any more (sans-I/O).

longest call:  ── began ────────────── wrap_up ──── time_is_up ─ hang up
idle:          ── quiet ── still_there ── quiet ── goodbye ─ hang up
                               └─ the user speaks: from the start
closing:       ── the server stops ── closing ─ hang up
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from voicebot.access.settings import AccessSettings, LimitTexts

__all__ = ["FAREWELL_S", "CallLimits", "LimitStep", "limit_text"]

LimitStep: TypeAlias = Literal["wrap_up", "still_there", "time_is_up", "goodbye", "closing", "hang_up"]
"""What is to be done: say the text of that name; after `time_is_up`, `goodbye` and `closing` nobody is listened to any
more, and the call ends when it has been said. `hang_up`: end the call now."""

FAREWELL_S = 12.0
"""After so long the call ends, whatever has become of its last words."""
LOOK_AGAIN_S = 0.25
"""How often it is looked whether there is room for a word."""

_TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "wrap_up": "We have to finish soon.",
        "time_is_up": "Our time is up. Goodbye.",
        "still_there": "Are you still there?",
        "goodbye": "I will hang up now, as I cannot hear you. Goodbye.",
        "closing": "We have to close now. Goodbye.",
    },
    "de": {
        "wrap_up": "Wir müssen bald zum Ende kommen.",
        "time_is_up": "Unsere Zeit ist um. Auf Wiederhören.",
        "still_there": "Sind Sie noch da?",
        "goodbye": "Ich lege jetzt auf, da ich Sie nicht höre. Auf Wiederhören.",
        "closing": "Wir müssen jetzt schließen. Auf Wiederhören.",
    },
    "es": {
        "wrap_up": "Tenemos que terminar pronto.",
        "time_is_up": "Se nos ha acabado el tiempo. Adiós.",
        "still_there": "¿Sigue ahí?",
        "goodbye": "Voy a colgar, porque no le oigo. Adiós.",
        "closing": "Tenemos que cerrar ahora. Adiós.",
    },
    "fr": {
        "wrap_up": "Nous devons bientôt terminer.",
        "time_is_up": "Le temps est écoulé. Au revoir.",
        "still_there": "Êtes-vous toujours là ?",
        "goodbye": "Je raccroche, car je ne vous entends pas. Au revoir.",
        "closing": "Nous devons fermer maintenant. Au revoir.",
    },
    "it": {
        "wrap_up": "Dobbiamo concludere fra poco.",
        "time_is_up": "Il tempo è finito. Arrivederci.",
        "still_there": "È ancora lì?",
        "goodbye": "Ora riattacco, perché non la sento. Arrivederci.",
        "closing": "Ora dobbiamo chiudere. Arrivederci.",
    },
    "nl": {
        "wrap_up": "We moeten zo afronden.",
        "time_is_up": "Onze tijd is om. Tot ziens.",
        "still_there": "Bent u er nog?",
        "goodbye": "Ik hang nu op, want ik hoor u niet. Tot ziens.",
        "closing": "We moeten nu sluiten. Tot ziens.",
    },
    "pt": {
        "wrap_up": "Temos de terminar em breve.",
        "time_is_up": "O nosso tempo acabou. Adeus.",
        "still_there": "Ainda está aí?",
        "goodbye": "Vou desligar, porque não o ouço. Adeus.",
        "closing": "Temos de encerrar agora. Adeus.",
    },
}


def limit_text(step: LimitStep, language: str, texts: LimitTexts) -> str:
    """What to say; "" for nothing.

    Args:
        language: BCP 47; English is said in those that have no text here.
    """
    if step == "hang_up":
        return ""
    own: str | None = getattr(texts, step)
    if own is not None:
        return own.strip()
    return _TEXTS.get(language.split("-")[0].lower(), _TEXTS["en"])[step]


class CallLimits:
    """Tell it what happens; `tick` says what is to be done.

    Args:
        began_s: when the call began; all times are of one clock.
        max_call_s: the longest call, where the front says one; the settings' where None.
    """

    def __init__(self, settings: AccessSettings, began_s: float, max_call_s: float | None = None) -> None:
        given = [s for s in (settings.max_call_s, max_call_s) if s is not None]
        self._idle_s, self._answer_s = settings.idle_s, settings.idle_answer_s
        self._ends_s = began_s + min(given) if given else None
        warns = bool(given) and 0 < settings.wrap_up_s <= min(given) / 2
        self._wrap_up_s = began_s + min(given) - settings.wrap_up_s if warns else None
        self._quiet_since_s: float | None = began_s
        self._asked = False
        self._farewell_s: float | None = None
        self._closing = False

    @property
    def parting(self) -> bool:
        """The last words are being said."""
        return self._farewell_s is not None

    def quiet(self, is_quiet: bool, now_s: float) -> None:
        """Whether nobody speaks, and nobody is about to."""
        if not is_quiet:
            self._quiet_since_s = None
        elif self._quiet_since_s is None:
            self._quiet_since_s = now_s

    def user_spoke(self) -> None:
        """So they are there."""
        self._asked = False

    def close(self, now_s: float) -> None:
        """The server stops: the call ends now, with a word. Twice is fine."""
        if not self._closing:
            self._closing, self._ends_s = True, now_s

    def tick(self, now_s: float) -> LimitStep | None:
        """What is to be done now. `wrap_up` and `still_there` come only while it is quiet."""
        if self._farewell_s is not None:
            return "hang_up" if now_s >= self._farewell_s + FAREWELL_S else None
        if self._ends_s is not None and now_s >= self._ends_s:
            self._farewell_s = now_s
            return "closing" if self._closing else "time_is_up"
        if self._quiet_since_s is None:
            return None
        if self._wrap_up_s is not None and now_s >= self._wrap_up_s:
            self._wrap_up_s = None
            return "wrap_up"
        if self._idle_s is None:
            return None
        if not self._asked and now_s >= self._quiet_since_s + self._idle_s:
            self._asked = True
            self._quiet_since_s = now_s
            return "still_there"
        if self._asked and now_s >= self._quiet_since_s + self._answer_s:
            self._farewell_s = now_s
            return "goodbye"
        return None

    def wake_at(self, now_s: float) -> float | None:
        """When to look again, at the latest; None: never."""
        if self._farewell_s is not None:
            return self._farewell_s + FAREWELL_S
        times = [] if self._ends_s is None else [self._ends_s]
        if self._wrap_up_s is not None:
            times.append(max(self._wrap_up_s, now_s + LOOK_AGAIN_S))
        if self._idle_s is not None:
            # While somebody speaks, it cannot come earlier than if they had just stopped.
            since_s = now_s if self._quiet_since_s is None else self._quiet_since_s
            times.append(since_s + (self._answer_s if self._asked else self._idle_s))
        return min(times, default=None)
