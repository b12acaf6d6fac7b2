"""The side of keeping that waits for the disk: it runs in a thread, a batch at a time, one batch after the other."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from voicebot.audio import AudioChunk
from voicebot.errors import VoicebotError
from voicebot.keeping.files import AUDIO_SUFFIX, LOG_SUFFIX, AudioFile, LineFile, free_stem
from voicebot.keeping.mixing import LAG_S, RECORDING_RATE, Mixer
from voicebot.keeping.schema import AuditLine, LinesLost, Note, RecordingStarted, RecordingStopped, cleaned

__all__ = ["Audio", "Line", "Writer"]

_PIECE_S = 10.0
"""How much is mixed and encoded at once."""

_log = logging.getLogger("voicebot.keeping")


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes a line."""

    at_s: float
    name: str
    turn: int | None = None
    data: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, at_s: float, note: Note) -> Line:
        return cls(at_s, note.name, None, note.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Audio:
    """What was heard or sent, or that what was sent is taken back."""

    side: Literal["user", "agent", "cancel"]
    at_s: float
    chunk: AudioChunk | None = None

    @property
    def duration_s(self) -> float:
        return 0.0 if self.chunk is None else self.chunk.duration_s


class Writer:
    """Writes one call's files. Its methods are called one at a time, from any thread.

    Whatever goes wrong with the disk is logged once and ends here: a line that cannot be written is counted and
    missing; a recording that cannot be written is over.

    Args:
        opened_s: when the call began, on the clock of all times given here.
        logs, records: whether there is a log, and whether there is a recording.
        secrets: strings that no line may hold.
        open_file: makes the files.
        tidy: called when the call's files are closed; what it raises is logged.
    """

    def __init__(
        self,
        folder: Path,
        call_id: str,
        *,
        opened_s: float,
        logs: bool,
        records: bool,
        secrets: Sequence[str] = (),
        open_file: Callable[[Path], LineFile] = LineFile,
        tidy: Callable[[], object] = lambda: None,
    ) -> None:
        self.lines = 0
        """Written."""
        self.lost = 0
        """Lines that are missing, and not yet said to be."""
        self.failed: list[Literal["log", "recording"]] = []
        """What could not be written any more, or for a while; whoever tells of it takes it."""
        self._folder, self._call_id, self._opened_s, self._secrets = folder, call_id, opened_s, secrets
        self._logs, self._records, self._open_file = logs, records, open_file
        self._tidy = tidy
        self._owed: Line | None = None
        """How the recording ended, where the disk has not taken that yet: it is never left out."""
        self._stem = ""
        self._abandoned = False
        self._log_file: LineFile | None = None
        self._failing = False
        self._audio_file: AudioFile | None = None
        self._mixer: Mixer | None = None

    def write(self, lines: Sequence[Line], audio: Sequence[Audio]) -> None:
        """Write these, as far as they can be."""
        try:
            for line in lines:
                self._put(line.at_s, line)
            for item in audio:
                self._audio(item)
            if audio:
                self._record_until(audio[-1].at_s - LAG_S)
        finally:
            if self._abandoned:
                self._close()

    def missed(self, lines: int) -> None:
        """So many lines never came here."""
        if lines:
            self.lost += lines
            self.failed.append("log")

    def stop_recording(self, at_s: float, reason: Literal["too_slow", "fault"]) -> None:
        """The recording is over before the call is."""
        if self._records:
            self._over(at_s, reason, "")

    def end(self, at_s: float) -> None:
        """The call is over, and so is this."""
        try:
            self._record_until(at_s)
            if self._records:
                self._over(at_s, "ended", "")
            self._put(at_s)
        finally:
            self._close()
        try:
            self._tidy()
        except VoicebotError as error:
            _log.error("%s", error)

    def abandon(self) -> None:
        """Nobody waits any more: whoever still works here, in another thread, closes the files when that is done."""
        self._abandoned = True

    def _close(self) -> None:
        for file in (self._audio_file, self._log_file):
            with suppress(OSError):
                if file is not None:
                    file.close()

    # --- lines ----------------------------------------------------------------------------------------------------

    def _put(self, at_s: float, line: Line | None = None) -> None:
        """Write a line, if there is one, after what is to be said before it."""
        if not self._logs or not (self.lost or self._owed or line):
            return
        try:
            if self._log_file is None:
                self._log_file = self._open_file(self._path(LOG_SUFFIX))
            if self.lost:
                self._append(Line.of(at_s, LinesLost(lost=self.lost)))
                self.lost = 0
            if self._owed is not None:
                self._append(self._owed)
                self._owed = None
            if line is not None:
                self._append(line)
        except OSError as error:
            self.lost += line is not None
            if not self._failing:
                _log.error("call %s: its log cannot be written: %s", self._call_id, error.strerror)
                self.failed.append("log")
            self._failing = True
        else:
            self._failing = False

    def _append(self, line: Line) -> None:
        assert self._log_file is not None
        whole = AuditLine(
            n=self.lines,
            call=self._call_id[:1_000],
            t_s=round(line.at_s - self._opened_s, 4),
            name=line.name,
            turn=line.turn,
            data=cleaned(line.data, self._secrets),
        )
        text = json.dumps(whole.model_dump(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        # Half an emoji, which models stream and UTF-8 cannot hold, becomes JSON's own escape.
        self._log_file.append(text.encode("utf-8", "backslashreplace") + b"\n")
        self.lines += 1

    # --- audio ----------------------------------------------------------------------------------------------------

    def _audio(self, item: Audio) -> None:
        if not self._records:
            return
        if item.chunk is None:
            if self._mixer is not None:
                self._mixer.cancel(item.at_s)
            return
        mixer = self._mixer or self._begin(item)
        if item.side == "user":
            mixer.user(item.chunk, item.at_s)
        else:
            mixer.agent(item.chunk, item.at_s)

    def _begin(self, first: Audio) -> Mixer:
        """The recording begins with what is heard first: user audio has been going on when it comes."""
        origin_s = first.at_s - (first.duration_s if first.side == "user" else 0.0)
        path = self._path(AUDIO_SUFFIX)
        self._audio_file = AudioFile(path, open_file=self._open_file)
        self._mixer = Mixer(origin_s)
        started = RecordingStarted(file=path.name, sample_rate=RECORDING_RATE)
        self._put(origin_s, Line.of(origin_s, started))
        return self._mixer

    def _record_until(self, until_s: float) -> None:
        mixer = self._mixer
        while mixer is not None and self._audio_file is not None:
            rest_s = until_s - mixer.taken_until_s
            if rest_s <= 0:
                return
            stereo = mixer.take(mixer.taken_until_s + min(rest_s, _PIECE_S))
            try:
                if len(stereo):
                    self._audio_file.write(stereo)
            except OSError as error:
                self._over(until_s, "disk", error.strerror or str(error))
            if rest_s <= _PIECE_S:
                return

    def _over(self, at_s: float, reason: Literal["ended", "disk", "too_slow", "fault"], message: str) -> None:
        seconds = 0.0 if self._mixer is None else self._mixer.seconds
        began = self._audio_file is not None
        file, self._audio_file, self._mixer, self._records = self._audio_file, None, None, False
        try:
            if file is not None and reason == "disk":
                file.abort()
            elif file is not None:
                file.close()
        except OSError as error:
            if reason == "ended":
                reason, message = "disk", error.strerror or str(error)
        if reason != "ended":
            _log.error("call %s: its recording stops (%s): %s", self._call_id, reason, message or "see above")
            self.failed.append("recording")
        elif not began:
            return
        stopped = RecordingStopped(reason=reason, message=message, seconds=round(seconds, 3))
        self._owed = Line.of(at_s, stopped)
        self._put(at_s)

    def _path(self, suffix: str) -> Path:
        self._stem = self._stem or free_stem(self._folder, self._call_id)
        return self._folder / f"{self._stem}{suffix}"
