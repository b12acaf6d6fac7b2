"""A Piper voice: its files, and sentences spoken one by one."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from voicebot.audio import Samples, to_int16
from voicebot.errors import EngineError, ModelError
from voicebot_tts_piper.config import PiperConfig

__all__ = ["Speech", "Voice", "load_voice", "parse_settings", "voice_file"]


_OTHER_NAMES = {"cmn": "zh", "nb": "no"}
"""eSpeak's languages that are mostly called otherwise."""


def voice_file(path: Path) -> Path:
    """The .onnx file of a voice: `path` itself, or the only one in the folder `path`.

    Raises:
        ModelError: there is none, or more than one.
    """
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.onnx"))
    if len(found) != 1:
        what = "no .onnx file" if not found else "more than one .onnx file"
        raise ModelError(f"{path} holds {what}.", hint="Name the voice's .onnx file itself.")
    return found[0]


def load_voice(onnx_file: Path, config: PiperConfig, threads: int) -> Voice:
    """Read a voice's files (a second or more).

    Raises:
        ModelError: a file is missing or damaged, or the voice needs something that is not offered.
    """
    import onnxruntime
    from piper import PiperVoice

    settings = parse_settings(_read_json(Path(f"{onnx_file}.json")), onnx_file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its errors are raised; printed as well, they would be said twice
    # Threads that spin while they wait take the core from speech recognition.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(onnx_file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no base class
        raise ModelError(
            f"{onnx_file} is not a voice that can be loaded: {_first_line(error)}",
            hint="Fetch it again: voicebot models pull",
        ) from error
    # `PiperVoice.load` would take every core of the machine.
    return Voice(PiperVoice(config=settings, session=session), config)


class Voice:
    """A loaded voice and how it is to speak; usable from any thread.

    Raises:
        ModelError: it has no such speaker.
    """

    def __init__(self, piper: Any, config: PiperConfig) -> None:
        from piper import SynthesisConfig

        own = piper.config
        if config.speaker is not None and config.speaker >= own.num_speakers:
            raise ModelError(
                f"The voice {config.voice} has no speaker {config.speaker}; it has {own.num_speakers}, from 0 on."
            )
        self.sample_rate = int(own.sample_rate)
        self.language = str(own.espeak_voice)
        """eSpeak's name of the language that it says texts in, as en-us."""
        self.volume = config.volume
        self.piper = piper
        self.synthesis = SynthesisConfig(
            speaker_id=config.speaker,
            length_scale=own.length_scale / config.speed,
            noise_scale=config.noise_scale,
            noise_w_scale=config.noise_w,
        )

    def say(self, text: str) -> Speech:
        return Speech(self, text)

    def speaks(self, tag: str) -> bool:
        """Whether a text in this language (BCP 47) is for this voice, whatever the region."""
        wanted, own = (name.lower().partition("-")[0] for name in (tag, self.language))
        return wanted == _OTHER_NAMES.get(own, own)


class Speech:
    """One text being spoken."""

    def __init__(self, voice: Voice, text: str) -> None:
        import onnxruntime

        self._options: Any = onnxruntime.RunOptions()
        self._volume = voice.volume
        self._stopped = False
        # Piper passes no run options, which are what stops a run; everything else of the voice is shared.
        session = _StoppableSession(voice.piper.session, self._options)
        piper = dataclasses.replace(voice.piper, session=session)
        # Piper reads [[…]] as phonemes; what a language model wrote is text.
        plain = re.sub(r"\[(?=\[)", "[ ", text)
        self._chunks: Iterator[Any] = iter(piper.synthesize(plain, voice.synthesis))

    def next_sentence(self) -> Samples | None:
        """The next sentence's audio (blocks while it is made), or None after the last or once stopped.

        Raises:
            EngineError: Piper failed.
        """
        if self._stopped:
            return None
        try:
            chunk = next(self._chunks, None)
        except Exception as error:
            if self._stopped:
                return None
            reason = f"Piper failed to speak: {_first_line(error)}"
            raise EngineError(reason, kind="tts", plugin="piper") from error
        return None if chunk is None else to_int16(chunk.audio_float_array * self._volume)

    def stop(self) -> None:
        """End the sentence being made at the model's next operator. May be called from any thread."""
        self._stopped = True
        self._options.terminate = True


class _StoppableSession:
    """An onnxruntime session of which `run` can be ended through its `RunOptions`."""

    def __init__(self, session: Any, options: Any) -> None:
        self._session = session
        self._options = options

    def run(self, outputs: Any, inputs: Any) -> Any:
        return self._session.run(outputs, inputs, self._options)


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"There is no {file}: a Piper voice is an .onnx file with its .onnx.json beside it."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} cannot be read: {_first_line(error)}") from error


def parse_settings(settings: Any, onnx_file: Path) -> Any:
    """Piper's own configuration object of what stands in a voice's .onnx.json.

    Raises:
        ModelError: it is not that of a voice, or of one that cannot be used.
    """
    from piper import PiperConfig as VoiceConfig

    name = f"{onnx_file}.json"
    try:
        parsed = VoiceConfig.from_dict(settings)
        numbers = (parsed.sample_rate, parsed.num_speakers, parsed.length_scale)
        if not all(isinstance(number, int | float) and number > 0 for number in numbers):
            raise ValueError("sample_rate, num_speakers and length_scale must be numbers above 0")
        if not isinstance(parsed.phoneme_id_map, dict):
            raise ValueError("phoneme_id_map must be a mapping")
    except KeyError as error:
        raise ModelError(f"{name} is not a Piper voice's settings: it has no {error.args[0]!r}.") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"{name} is not a Piper voice's settings: {_first_line(error)}") from error
    if parsed.phoneme_type.value not in ("espeak", "text"):
        # Piper would download what these need in the middle of a call.
        raise ModelError(f"{name}: voices with {parsed.phoneme_type.value} phonemes cannot be used.")
    return parsed


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{lines[0].rstrip('.') if lines else type(error).__name__}."
