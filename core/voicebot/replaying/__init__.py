"""Calls on record: everything that decided how a call went, in one file; and that call held again.

about, lines, files     what a recording consists of
taps, tapped_line       what passes between a session and its engines, connection and tools, noted
recorder, taping        written while the call goes on
recording, reading      read: bytes from outside, or a `RecordingError`
shelf, players, voice, line_player    engines, connection and tools that do again what they did
loop, replay            a call held with those, some of them or none, on a virtual clock or in real time
comparing               two logs of a call, and what is different
redacting               a copy without what was said
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voicebot.replaying.comparing import Comparison, compare
    from voicebot.replaying.reading import read_recording
    from voicebot.replaying.recording import Recording
    from voicebot.replaying.redacting import write_redacted
    from voicebot.replaying.replay import REPLACEABLE, Replayed, StandIns, replay_for_real, replay_recorded
    from voicebot.replaying.taping import Taping

__all__ = [
    "REPLACEABLE",
    "Comparison",
    "Recording",
    "Replayed",
    "StandIns",
    "Taping",
    "compare",
    "read_recording",
    "replay_for_real",
    "replay_recorded",
    "write_redacted",
]

_MODULES = {
    "REPLACEABLE": "replay",
    "Comparison": "comparing",
    "Recording": "recording",
    "Replayed": "replay",
    "StandIns": "replay",
    "Taping": "taping",
    "compare": "comparing",
    "read_recording": "reading",
    "replay_for_real": "replay",
    "replay_recorded": "replay",
    "write_redacted": "redacting",
}


def __getattr__(name: str) -> Any:
    # When it is used: holding a call imports its recording, and a replay imports how calls are held.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"voicebot.replaying.{_MODULES[name]}"), name)
