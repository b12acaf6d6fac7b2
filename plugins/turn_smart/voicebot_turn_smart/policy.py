"""How long to wait, given how the user sounded and what they said."""

from __future__ import annotations

from voicebot.interfaces import TurnVerdict
from voicebot.language.endings import Ending

from .config import SmartConfig

__all__ = ["judge"]


def judge(probability: float, says: Ending, settings: SmartConfig) -> TurnVerdict:
    """The verdict on a pause.

    Two doubts lengthen the wait: how it sounded (one step below `sure`, two below `unsure`), and words that are not a
    whole sentence (one step). Words that leave it open are waited for longer by the core, with every end-of-turn model.

    Args:
        probability: that the turn is over, by its sound.
        says: that it is, by the words' end.
    """
    doubts = (probability < settings.sure) + (probability < settings.unsure) + (says != "complete")
    delays = (
        settings.sure_delay_ms,
        settings.likely_delay_ms,
        settings.maybe_delay_ms,
        settings.unsure_delay_ms,
    )
    return TurnVerdict(delays[doubts], probability, (settings.again_ms or None) if doubts else None)
