"""The one way to the listener: only the agent turn that has the floor gets through."""

from __future__ import annotations

import asyncio

from voicebot.audio import AudioChunk
from voicebot.engines import Engine, blame
from voicebot.interfaces import Connection, Transport
from voicebot.speech.pacing import Pacer

__all__ = ["Playback"]


class Playback:
    """Paces packets onto a connection, and knows how far the listener is.

    Every packet names its agent turn. A packet of any other turn than the one that was admitted is refused, whenever
    it comes, so nothing of a cancelled turn can follow its cancellation.
    """

    def __init__(self, connection: Connection, transport: Engine[Transport]) -> None:
        self._connection = connection
        self._transport = transport
        self._pacer = Pacer()
        self._turn: int | None = None
        self._base = 0
        self._turn_samples = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.refused = 0
        """Packets of turns that no longer had the floor."""

    @property
    def sample_rate(self) -> int:
        return self._connection.sample_rate

    def admit(self, agent_turn: int) -> None:
        """Give this turn the floor."""
        self._turn = agent_turn
        # What a connection played between a cancellation and its taking effect is no part of this turn.
        self._base = max(self._base + self._turn_samples, self._connection.heard_samples() or 0)
        self._turn_samples = 0
        self._flowing.set()

    def hold(self) -> None:
        """Stop sending; what was sent plays out, and the next packet continues from there."""
        self._flowing.clear()

    def release(self) -> None:
        self._flowing.set()

    async def send(self, agent_turn: int, packet: AudioChunk) -> float | None:
        """Send one packet when its time has come.

        Returns:
            When it is played, on the loop's clock; None where the turn no longer has the floor.

        Raises:
            EngineError: the connection failed.
        """
        loop = asyncio.get_running_loop()
        while True:
            await self._flowing.wait()
            if agent_turn != self._turn:
                self.refused += 1
                return None
            now = loop.time()
            due = self._pacer.send_at(now)
            if due <= now:
                break
            await asyncio.sleep(due - now)
        playout_s = self._pacer.sent()
        self._turn_samples += len(packet.samples)
        with blame(self._transport):
            await self._connection.send(packet)
        return playout_s

    async def played_out(self) -> None:
        """Wait until all that was sent has been played."""
        loop = asyncio.get_running_loop()
        remaining = self._pacer.playout_end_s - loop.time()
        if remaining > 0:
            await asyncio.sleep(remaining)

    def heard_samples(self, agent_turn: int) -> int:
        """How many samples of this turn the listener has heard."""
        if agent_turn != self._turn:
            return 0
        heard = self._connection.heard_samples()
        if heard is None:
            # The sample clock knows what cannot have been played yet.
            ahead_s = max(0.0, self._pacer.playout_end_s - asyncio.get_running_loop().time())
            return max(0, self._turn_samples - round(ahead_s * self.sample_rate))
        return min(max(heard - self._base, 0), self._turn_samples)

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
            heard = self.heard_samples(agent_turn)
            self._connection.cancel()
        self._turn = None
        self._turn_samples = 0
        self._pacer.restart()
        self._flowing.set()
        return heard
