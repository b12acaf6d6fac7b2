"""eSpeak NG's C library, of which a process has one.

The structures and constants are those of espeak-ng's `speak_lib.h` (API revision 12).
"""

from __future__ import annotations

import atexit
import ctypes
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.audio import Samples
from voicebot.errors import EngineError

__all__ = ["Engine", "Sink", "VoiceSettings", "WordEvent", "load_engine"]

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_POS_CHARACTER = 1
# UTF-8, with the pause after the last sentence. Without espeakSSML and espeakPHONEMES, `<break/>` and `[[…]]`
# are plain text.
_SYNTH_FLAGS = 0x0001 | 0x1000
_RATE, _VOLUME, _PITCH = 1, 2, 3
_EVENT_END_OF_LIST, _EVENT_WORD = 0, 1
_LONGEST_DATA_PATH = 150
"""eSpeak keeps the path of its data in 160 bytes."""


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    voice: str
    rate_wpm: int
    pitch: int
    volume: int


@dataclass(frozen=True, slots=True)
class WordEvent:
    position: int
    """Characters from the start of the text."""
    start_s: float
    """Seconds from the start of its audio."""


Sink = Callable[[Samples, list[WordEvent]], bool]
"""Takes a chunk (about 60 ms); returns whether to go on."""


class Engine:
    """The library, initialised. All methods may be called from any thread and take turns."""

    def __init__(self) -> None:
        import espeakng_loader

        try:
            library = ctypes.CDLL(espeakng_loader.get_library_path())
            data = espeakng_loader.get_data_path()
        except (OSError, RuntimeError) as error:
            raise _failure(f"eSpeak NG cannot be loaded: {error}.") from error
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        library.espeak_ListVoices.argtypes = [ctypes.c_void_p]
        library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
            ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self._library = library
        self._lock = threading.Lock()
        self._settings: VoiceSettings | None = None
        self._sink: Sink | None = None
        self._error: BaseException | None = None
        path = _short(data).encode()
        self.sample_rate: int = library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, path, _DONT_EXIT)
        if self.sample_rate <= 0:
            raise _failure(f"eSpeak NG does not start with its data in {data}.")
        self.variants = frozenset(file.name for file in Path(data, "voices", "!v").iterdir())
        self._files = self.voices()
        self._callback = _SynthCallback(self._on_audio)
        library.espeak_SetSynthCallback(self._callback)

    def voices(self) -> dict[str, str]:
        """The file of every voice by each name it has, in lower case: languages, name, file.

        Of several voices of a language, eSpeak's own choice: the one that gives it the lowest number.
        """
        files: dict[str, str] = {}
        ranks: dict[str, int] = {}
        with self._lock:
            listed: Any = self._library.espeak_ListVoices(None)
            index = 0
            while listed[index]:
                voice = listed[index].contents
                file = voice.identifier.decode(errors="replace")
                files[_text(voice.name)] = files[file.casefold()] = file
                # Pairs of a priority byte and a string; a zero priority ends the list.
                address = voice.languages
                while (priority := ctypes.string_at(address, 1)[0]) != 0:
                    language = ctypes.string_at(address + 1)
                    name = _text(language)
                    if priority < ranks.get(name, 256):
                        ranks[name], files[name] = priority, file
                    address += 2 + len(language)
                index += 1
        return files

    def speak(self, text: str, settings: VoiceSettings, sink: Sink) -> None:
        """Synthesise `text` (no NUL, no lone surrogate), handing chunks to `sink` until it returns False.

        Raises:
            EngineError: eSpeak refused the voice or the text.
        """
        data = text.encode()
        with self._lock:
            self._apply(settings)
            self._sink, self._error = sink, None
            try:
                status = self._library.espeak_Synth(
                    data, len(data) + 1, 0, _POS_CHARACTER, 0, _SYNTH_FLAGS, None, None
                )
            finally:
                self._sink = None
            if self._error is not None:
                raise self._error
        if status != 0:
            raise _failure(f"eSpeak NG failed to speak (status {status}).")

    def _apply(self, settings: VoiceSettings) -> None:
        if settings == self._settings:
            return
        self._settings = None
        # By its file: eSpeak does not find every voice by its language ("en-gb" is the language of "gmw/en").
        name, plus, variant = settings.voice.partition("+")
        file = self._files.get(name.casefold(), name)
        if self._library.espeak_SetVoiceByName(f"{file}{plus}{variant}".encode()) != 0:
            raise _failure(f"eSpeak NG cannot load the voice {settings.voice!r}.")
        for parameter, value in (
            (_RATE, settings.rate_wpm),
            (_VOLUME, settings.volume),
            (_PITCH, settings.pitch),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._settings = settings

    def _on_audio(self, samples: Any, count: int, events: Any) -> int:
        sink = self._sink
        if sink is None:
            return 1
        try:
            chunk = np.ctypeslib.as_array(samples, (count,)).copy() if count > 0 else np.zeros(0, np.int16)
            words = []
            index = 0
            while events[index].type != _EVENT_END_OF_LIST:
                event = events[index]
                if event.type == _EVENT_WORD:
                    words.append(WordEvent(event.text_position - 1, event.audio_position / 1000))
                index += 1
            return 0 if sink(chunk, words) else 1
        except BaseException as error:  # nothing may pass through the C code; `speak` raises it
            self._error = error
            return 1


_engine: Engine | None = None
_engine_lock = threading.Lock()


def load_engine() -> Engine:
    """The process's engine, loaded by the first call. It stays: others may be using it."""
    global _engine
    with _engine_lock:
        if _engine is None:
            _engine = Engine()
        return _engine


def _short(data_path: str) -> str:
    """The path itself, or where it is too long for eSpeak a short link to it, removed at exit."""
    if len(data_path.encode()) <= _LONGEST_DATA_PATH:
        return data_path
    folder = tempfile.TemporaryDirectory(prefix="voicebot-espeak-")
    atexit.register(folder.cleanup)
    link = Path(folder.name, "espeak-ng-data")
    try:
        link.symlink_to(data_path, target_is_directory=True)
    except OSError as error:
        raise _failure(
            f"eSpeak NG's data is in a folder with too long a name: {data_path}.",
            hint=f"Install voicebot where the path is shorter than {_LONGEST_DATA_PATH} characters.",
        ) from error
    return str(link)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace").lower()


def _failure(message: str, hint: str = "") -> EngineError:
    return EngineError(message, kind="tts", plugin="espeak", hint=hint)
