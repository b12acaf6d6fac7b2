"""Calls of the bench kept for listening: the user on the left, the agent on the right, and what happened."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import soundfile

from voicebot.bench.report import plain_json
from voicebot.bench.scenario import BENCH_RATE
from voicebot.bench.scoring import CallRecord, TurnResult
from voicebot.errors import VoicebotError
from voicebot.events import as_message

__all__ = ["keep_call"]


def keep_call(folder: Path, profile: str, result: TurnResult, record: CallRecord) -> None:
    """Write `SCENARIO.PROFILE.wav` and `.json` (times of events in s since the microphone opened).

    Raises:
        VoicebotError: they cannot be written.
    """
    stem = re.sub(r"[^\w.-]+", "-", f"{result.name}.{profile}")
    length = record.length
    mic = np.concatenate([np.zeros(0, np.int16), *record.caller.mic])[:length]
    left = np.pad(mic, (0, length - len(mic)))
    stereo = np.stack([left, record.caller.agent.played(0, length)], axis=1)
    messages = [as_message(event) for event in (*record.events, *record.aftermath)]
    for message in messages:
        message["at_s"] = round(message["at_s"] - record.start_s, 4)
    truth = {
        "turn_speech_end_s": record.caller.speech_end / BENCH_RATE,
        "barge_speech_s": [at / BENCH_RATE for at in record.caller.barge_speech or ()],
        "hung_up_s": length / BENCH_RATE,
    }
    kept = plain_json({"scenario": result.name, "truth": truth, "events": messages})
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{stem}.json").write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        soundfile.write(folder / f"{stem}.wav", stereo, BENCH_RATE, subtype="PCM_16")
    except (OSError, soundfile.SoundFileError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VoicebotError(f"{folder / stem} cannot be written: {reason}.") from error
