"""How long to wait, given how the user sounded and what they said."""

from __future__ import annotations

from voicebot.interfaces import TurnVerdict
from voicebot.language.endings import Ending

from .config import SmartConfig

__all__ = ["judge"]


def judge(probability: float, says: Ending, settings: SmartConfig) -> TurnVerdict:
    """The verdict on a pause.

    Words that are a whole sentence shorten the wait by one step. Words that leave it open do not lengthen it here: the
    core does that for every end-of-turn model.

    Args:
        probability: that the turn is over, by its sound.
        says: that it is, by the words' end.
    """
    step = (probability < settings.sure) + (probability < settings.unsure)
    if says == "complete":
        step = max(0, step - 1)
    delays = (settings.sure_delay_ms, settings.maybe_delay_ms, settings.unsure_delay_ms)
    return TurnVerdict(delays[step], probability, (settings.again_ms or None) if step else None)
