"""The one way to the listener: only the agent turn that has the floor gets through."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Protocol

from voicebot.audio import AudioChunk, Samples
from voicebot.engines import Engine, blame
from voicebot.interfaces import Connection, Transport
from voicebot.speech.pacing import Pacer

__all__ = ["Playback", "PlayedAudio"]


class PlayedAudio(Protocol):
    """Whoever must know what the listener is played, and when (`voicebot.echo.EchoCheck`)."""

    def played(self, samples: Samples, sample_rate: int, at_s: float) -> None:
        """This is played from then on, on the loop's clock."""
        ...

    def cancelled(self, from_s: float) -> None:
        """What was to be played from then on will not be."""
        ...


class Playback:
    """Paces packets onto a connection, and knows how far the listener is.

    Every packet names its agent turn. A packet of any other turn than the one that was admitted is refused, whenever
    it comes, so nothing of a cancelled turn can follow its cancellation.

    A turn can be held: the listener hears silence at once, and after the release goes on from the very sample after
    the last one heard. What a connection discarded for it is sent again, by the turn's next `send` or `played_out`;
    of a packet that was heard in part, the part comes as silence, so that packets stay whole. Where the connection
    does not know what was heard the pacer's clock says it, which may repeat or skip what it is wrong by.

    Args:
        echo: is told what is played.
    """

    def __init__(
        self, connection: Connection, transport: Engine[Transport], echo: PlayedAudio | None = None
    ) -> None:
        self._connection = connection
        self._transport = transport
        self._echo = echo
        self._pacer = Pacer()
        self._turn: int | None = None
        self._base = 0
        """The connection's count of heard samples at which the turn's first sample was heard, or would have been."""
        self._turn_samples = 0
        """Of the turn, given to the connection and not taken back."""
        self._least = 0
        """Samples of the turn that are known to have been heard."""
        self._waiting: deque[AudioChunk] = deque()
        """Packets that the connection has not got."""
        self._recent: deque[AudioChunk] = deque()
        """The last ones that it has got: all that may be unheard."""
        self._discarded = False
        """A hold had the connection discard what was unheard, and `_take_back` is still to come."""
        self._held_at = 0
        """Samples that had been heard when it did, by the pacer's clock."""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._changed = asyncio.Event()
        """Set, and replaced, when whoever sleeps has to look again."""
        self.held_since_s: float | None = None
        """When the last hold began, on the loop's clock."""
        self.refused = 0
        """Packets of turns that no longer had the floor."""

    @property
    def sample_rate(self) -> int:
        return self._connection.sample_rate

    def admit(self, agent_turn: int) -> None:
        """Give this turn the floor; a hold is over, and what was held of another turn is dropped."""
        unheard_too = self._heard() if self._discarded else self._turn_samples
        # What a connection played between a cancellation and its taking effect is no part of this turn.
        self._begin(agent_turn, max(self._base + unheard_too, self._connection.heard_samples() or 0))

    def hold(self) -> None:
        """Silence at once; the turn keeps the floor, and its sender waits for `release`. Twice is fine.

        Raises:
            EngineError: the connection failed.
        """
        if self._flowing.is_set():
            self.held_since_s = asyncio.get_running_loop().time()
        self._flowing.clear()
        if self._turn is None or self._discarded:
            return
        self._held_at = self._estimate()
        self._discarded = True
        self._pacer.restart()
        with blame(self._transport):
            self._silence()

    def release(self) -> None:
        """Go on after the last sample that was heard."""
        self._flowing.set()
        self._wake()

    async def send(self, agent_turn: int, packet: AudioChunk) -> float | None:
        """Send one packet when its time has come, after what a hold has left of those before it.

        Returns:
            When it is played, on the loop's clock; None where the turn no longer has the floor.

        Raises:
            EngineError: the connection failed.
        """
        playout_s = None
        if agent_turn == self._turn:
            self._waiting.append(packet)
            playout_s = await self._send_waiting(agent_turn)
        if playout_s is None:
            self.refused += 1
        return playout_s

    async def played_out(self) -> None:
        """Wait until all that was sent of the turn has been played, holds included, or it has lost the floor.

        Raises:
            EngineError: the connection failed.
        """
        turn = self._turn
        while turn is not None:
            await self._send_waiting(turn)
            remaining_s = self._pacer.playout_end_s - asyncio.get_running_loop().time()
            if turn != self._turn or remaining_s <= 0:
                return
            await self._sleep(remaining_s)

    def heard_samples(self, agent_turn: int) -> int:
        """How many samples of this turn the listener has heard."""
        return self._heard() if agent_turn == self._turn else 0

    def cancel(self, agent_turn: int) -> int:
        """Take the floor away and discard what was not played.

        Returns:
            How many samples of the turn were heard.

        Raises:
            EngineError: the connection failed.
        """
        if agent_turn != self._turn:
            return 0
        with blame(self._transport):
            # Counted when no more is played: in between, time passes.
            self._silence()
            heard = self._heard()
            count = self._connection.heard_samples()
        self._pacer.restart()
        self._begin(None, self._base if count is None else count)
        return heard

    def _begin(self, turn: int | None, base: int) -> None:
        self._turn = turn
        self._base = base
        self._turn_samples = self._least = 0
        self._waiting.clear()
        self._recent.clear()
        self._discarded = False
        self._flowing.set()
        self._wake()

    # --- sending --------------------------------------------------------------------------------------------------

    async def _send_waiting(self, turn: int) -> float | None:
        """Send all that waits; returns when the last packet of it is played, or None if the turn lost the floor."""
        loop = asyncio.get_running_loop()
        playout_s = None
        while True:
            await self._flowing.wait()
            if turn != self._turn:
                return None
            if self._discarded:
                self._take_back()
            if not self._waiting:
                return playout_s
            now = loop.time()
            due = self._pacer.send_at(now)
            if due > now:
                await self._sleep(due - now)
                continue
            playout_s = self._pacer.sent()
            packet = self._waiting.popleft()
            self._forget(self._heard())
            self._recent.append(packet)
            self._turn_samples += len(packet.samples)
            with blame(self._transport):
                await self._connection.send(packet)
                if self._echo is not None:
                    self._echo.played(packet.samples, packet.sample_rate, playout_s)
                if self._discarded if turn == self._turn else not self._turn_samples:
                    # Held or cancelled while the connection took it.
                    self._silence()

    def _silence(self) -> None:
        """Have the connection discard what was not played."""
        self._connection.cancel()
        if self._echo is not None:
            self._echo.cancelled(asyncio.get_running_loop().time())

    def _take_back(self) -> None:
        """Put what the connection discarded before what waits."""
        heard = self._heard()
        self._discarded = False
        self._least = heard
        self._forget(heard)
        unheard = list(self._recent)
        self._recent.clear()
        self._turn_samples -= sum(len(packet.samples) for packet in unheard)
        if heard > self._turn_samples:
            samples = unheard[0].samples.copy()
            samples[: heard - self._turn_samples] = 0
            unheard[0] = AudioChunk(samples, unheard[0].sample_rate)
        self._waiting.extendleft(reversed(unheard))
        count = self._connection.heard_samples()
        if count is not None:
            self._base = count - self._turn_samples

    def _forget(self, heard: int) -> None:
        """Let go of recent packets that were heard whole."""
        start = self._turn_samples - sum(len(packet.samples) for packet in self._recent)
        while self._recent and start + len(self._recent[0].samples) <= heard:
            start += len(self._recent.popleft().samples)

    # --- time -----------------------------------------------------------------------------------------------------

    def _heard(self) -> int:
        """Samples of the turn that were heard."""
        count = self._connection.heard_samples()
        if count is None:
            return self._held_at if self._discarded else self._estimate()
        return min(max(count - self._base, self._least), self._turn_samples)

    def _estimate(self) -> int:
        """The same, by the pacer's clock: it knows what cannot have been played yet."""
        ahead_s = max(0.0, self._pacer.playout_end_s - asyncio.get_running_loop().time())
        return max(self._least, self._turn_samples - round(ahead_s * self.sample_rate))

    async def _sleep(self, seconds: float) -> None:
        """Until then, or until something changes."""
        changed = self._changed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
