"""What speech-to-text engines share that transcribe whole buffers and cannot stream (Whisper and its like).

- `utterance_audio`: the audio of an utterance so far;
- `buffered`: an `Utterance` that transcribes its growing buffer for interims, and whose finals go first;
- `loudness`: where the speech in the buffer ends, and whether it has just faded;
- `schedule`: when the next interim is due;
- `whisper`: one careful decoding, from short encoder context to guarded text;
- `context`, `evidence`, `text`: the pure decisions in it.
"""

from voicebot.recognition.buffered import BufferedUtterance, Transcribe
from voicebot.recognition.context import FULL_CONTEXT, MIN_CONTEXT, SAMPLE_RATE, context_length
from voicebot.recognition.whisper import Decode, Hypothesis, recognise

__all__ = [
    "FULL_CONTEXT",
    "MIN_CONTEXT",
    "SAMPLE_RATE",
    "BufferedUtterance",
    "Decode",
    "Hypothesis",
    "Transcribe",
    "context_length",
    "recognise",
]
