"""Which of this machine's addresses ICE may use."""

from __future__ import annotations

from collections.abc import Sequence

from aiortc import RTCRtpTransceiver

__all__ = ["use_addresses"]

LOOPBACK = "127.0.0.1"
GATHER_S = 2
"""How long STUN and TURN servers may take to answer: the answer to the page waits for that."""


def use_addresses(transceiver: RTCRtpTransceiver, only: Sequence[str] = ()) -> None:
    """Gather host candidates at these addresses; without any, at all of the machine's.

    aioice leaves loopback out; on a machine with nothing else there would be no candidate, so it is the last resort.
    """
    connection = transceiver.receiver.transport.transport.iceGatherer._connection
    gather = connection.get_component_candidates

    async def gather_there(component: int, addresses: list[str], timeout: int = GATHER_S) -> object:
        return await gather(component, list(only) or addresses or [LOOPBACK], min(timeout, GATHER_S))

    connection.get_component_candidates = gather_there  # type: ignore[assignment]
