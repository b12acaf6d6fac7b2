"""The simulated user: what reaches the microphone, when, and when they hang up. Sans I/O, times are samples.

The one clock of a call counts samples at `BENCH_RATE` from the moment at which the agent begins to listen; the
microphone and the listener share it, so positions in both can be compared to the sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from voicebot.audio import Samples
from voicebot.bench.scenario import BENCH_RATE, Scenario
from voicebot.bench.tape import Tape
from voicebot.events import AgentTurnEnded, AgentTurnStarted, CallEnded, Event, StateChanged

__all__ = ["LEAD_IN_S", "Answer", "SimulatedCaller"]

LEAD_IN_S = 0.4
"""From the moment at which the agent listens to the first sample of the turn."""
QUIET_S = 0.3
"""The call ends when an answer is over and all has been quiet for this long."""
ENOUGH_S = 1.0
"""So much of an answer is listened to where nothing but its beginning matters."""
NOTHING_COMES_S = 2.5
"""An agent that has been listening for so long after the turn will not answer it."""
ANSWER_LIMIT_S = 15.0
"""After so long without an answer the call ends, whatever the agent is at."""
CALL_LIMIT_S = 60.0
"""After the turn's end a call ends at the latest."""

Ending = Literal["", "done", "unanswered", "time_limit", "ended"]


@dataclass(slots=True)
class Answer:
    """A committed agent turn."""

    turn_id: int
    started: int
    ended: int | None = None


class SimulatedCaller:
    """One call of one scenario: speak for what is in the microphone, `over` for whether it is time to hang up."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.agent = Tape()
        self.mic: list[Samples] = []
        turn = scenario.turn
        self.turn_at = round(LEAD_IN_S * BENCH_RATE)
        self.speech_end = self.turn_at + round(turn.speech_end_s * BENCH_RATE)
        """The turn's last speech sample."""
        self.turn_end = max(self.speech_end, self.turn_at + len(turn.audio))
        self.barge_at: int | None = None
        """The first sample of the sound while the agent speaks, once that is known."""
        self.answers: list[Answer] = []
        self._sounds = [(self.turn_at, turn.audio)]
        self._state = "listening"
        self._state_since = 0

    @property
    def answer(self) -> Answer | None:
        """The first answer that was begun after the whole turn."""
        return next((answer for answer in self.answers if answer.started >= self.speech_end), None)

    @property
    def cut_off(self) -> bool:
        """Whether an answer was begun before the turn was over."""
        return any(answer.started < self.speech_end for answer in self.answers)

    @property
    def barge_speech(self) -> tuple[int, int] | None:
        """First and last speech sample of the sound while the agent speaks."""
        barge = self.scenario.barge
        if barge is None or self.barge_at is None:
            return None
        begin, end = (
            self.barge_at + round(at_s * BENCH_RATE) for at_s in (barge.speech_start_s, barge.speech_end_s)
        )
        return begin, end

    # --- what the agent does --------------------------------------------------------------------------------------

    def on_event(self, event: Event, now: int) -> None:
        if isinstance(event, AgentTurnStarted):
            self.agent.begin(event.turn_id)
            self.answers.append(Answer(event.turn_id, now))
        elif isinstance(event, AgentTurnEnded):
            for answer in self.answers:
                if answer.turn_id == event.turn_id and answer.ended is None:
                    answer.ended = now
        elif isinstance(event, StateChanged):
            self._become(event.state, now)
        elif isinstance(event, CallEnded):
            self._become("ended", now)

    def _become(self, state: str, now: int) -> None:
        if state != self._state:
            self._state, self._state_since = state, now

    # --- what the user does ---------------------------------------------------------------------------------------

    def speak(self, start: int, count: int) -> Samples:
        """What the microphone took from sample `start` on, asked for when that has passed."""
        self._schedule_barge(start, start + count)
        mix = np.zeros(count, np.int32)
        for at, samples in self._sounds:
            begin, end = max(at, start), min(at + len(samples), start + count)
            if begin < end:
                mix[begin - start : end - start] += samples[begin - at : end - at]
        noise = self.scenario.noise
        if noise is not None and len(noise):
            mix += np.take(noise, np.arange(start, start + count), mode="wrap")
        gain_db = self.scenario.echo_gain_db
        if gain_db is not None:
            delay = round(self.scenario.echo_delay_ms * BENCH_RATE / 1000)
            echo = self.agent.played(start - delay, count) * 10 ** (gain_db / 20)
            mix += np.rint(echo).astype(np.int32)
        taken: Samples = np.clip(mix, -32768, 32767).astype(np.int16)
        self.mic.append(taken)
        return taken

    def _schedule_barge(self, start: int, end: int) -> None:
        barge, answer = self.scenario.barge, self.answer
        if barge is None or self.barge_at is not None or answer is None:
            return
        audible = self.agent.first_audible(answer.turn_id, end)
        if audible is None:
            return
        at = audible + round(barge.after_s * BENCH_RATE)
        # An answer that is over by then cannot be interrupted.
        if at < end and answer.ended is None:
            self.barge_at = max(at, start)
            self._sounds.append((self.barge_at, barge.audio))

    # --- when the call is over ------------------------------------------------------------------------------------

    def over(self, now: int) -> Ending:
        """Why the user hangs up at `now`, or ""."""
        if self._state == "ended":
            return "ended"
        if now < self.turn_end:
            return ""
        answer = self.answer
        if answer is None:
            idle = now - max(self._state_since, self.turn_end)
            if self._state == "listening" and idle >= NOTHING_COMES_S * BENCH_RATE:
                return "unanswered"
            return "unanswered" if now - self.turn_end >= ANSWER_LIMIT_S * BENCH_RATE else ""
        if self._answered(answer, now):
            return "done"
        audible = self.agent.first_audible(answer.turn_id, now)
        if audible is None and answer.ended is None and now - self.turn_end >= ANSWER_LIMIT_S * BENCH_RATE:
            return "unanswered"
        return "time_limit" if now - self.turn_end >= CALL_LIMIT_S * BENCH_RATE else ""

    def _answered(self, answer: Answer, now: int) -> bool:
        barge = self.scenario.barge
        audible = self.agent.first_audible(answer.turn_id, now)
        if barge is None and audible is not None and now - audible >= ENOUGH_S * BENCH_RATE:
            return True
        if answer.ended is None:
            return False
        said = self.barge_speech[1] if self.barge_speech is not None else 0
        since = max(answer.ended, min(self.agent.end, now), said)
        if barge is not None and barge.kind == "interruption":
            return now - since >= QUIET_S * BENCH_RATE
        # Whatever else comes of a sound that was no interruption, such as an answer to it, is to be seen.
        if self.answers[-1] is not answer:
            return True
        return self._state == "listening" and now - max(since, self._state_since) >= QUIET_S * BENCH_RATE
