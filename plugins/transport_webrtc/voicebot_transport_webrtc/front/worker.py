"""One call worker's connection: the rules of the link that need no other (sans-I/O)."""

from __future__ import annotations

import logging
from typing import Literal, Protocol, TypeAlias

from voicebot.link.errors import LinkError
from voicebot.link.messages import (
    LINK_VERSION,
    Bye,
    Call,
    End,
    Error,
    Hello,
    Idle,
    MediaState,
    Message,
    Notify,
    Response,
    Welcome,
    WorkerEnd,
    WorkerMessage,
)

__all__ = ["Board", "Worker", "WorkerPort", "WorkerState"]

HELLO_WITHIN_S = 5.0
END_WITHIN_S = 5.0
"""How long a worker may take to answer `end`: at once, unless its event loop is held."""

_log = logging.getLogger(__name__)

WorkerState: TypeAlias = Literal["new", "warming", "idle", "on_call", "ending", "gone"]


class WorkerPort(Protocol):
    """Where a call worker is reached. Nothing here waits."""

    def send(self, message: Message) -> None: ...

    def close(self) -> None:
        """Close after what was sent before."""
        ...


class Board(Protocol):
    """Who is told of it."""

    def worker_idle(self, worker: Worker) -> None: ...

    def worker_said(self, worker: Worker, message: Response | Notify | MediaState) -> None:
        """
        Raises:
            KeyError: it answers what was not asked.
        """
        ...

    def worker_ended_call(self, worker: Worker, reason: str, message: str, now_s: float) -> None: ...

    def worker_over(self, worker: Worker, now_s: float) -> None: ...


class Worker:
    """One connection of a call worker.

    new --hello--> warming --idle--> idle --call--> on_call --end, its end--> ending --its end--> warming
    """

    def __init__(self, port: WorkerPort, board: Board, now_s: float) -> None:
        self._port = port
        self._board = board
        self._due_s = now_s + HELLO_WITHIN_S
        """When what is awaited in `new` and `ending` must have come."""
        self.state: WorkerState = "new"
        self.pid = 0

    def received(self, message: WorkerMessage, now_s: float) -> None:
        """
        Raises:
            LinkError: out of order, or of another version or transport; the connection is to be failed with it.
        """
        if isinstance(message, Error):
            _log.error("call worker %d: %s: %s", self.pid, message.code, message.message)
            self.lost(now_s)
        elif isinstance(message, Bye) and self.state in ("warming", "idle"):
            self.lost(now_s)
        elif self.state == "new":
            self._greet(message)
        elif self.state == "warming" and isinstance(message, Idle):
            self.state = "idle"
            self._board.worker_idle(self)
        elif self.state == "ending":
            self._drain(message)
        elif self.state == "on_call" and isinstance(message, WorkerEnd):
            self.state = "warming"
            self._port.send(End(reason=message.reason, message=message.message))
            self._board.worker_ended_call(self, message.reason, message.message, now_s)
        elif self.state == "on_call" and isinstance(message, Response | Notify | MediaState):
            try:
                self._board.worker_said(self, message)
            except KeyError as error:
                raise LinkError("bad_message", f"A response to request {error}, which is not open.") from None
        else:
            raise self._out_of_order(message)

    def _greet(self, message: WorkerMessage) -> None:
        if not isinstance(message, Hello):
            raise self._out_of_order(message)
        if message.version != LINK_VERSION:
            raise LinkError("wrong_version", f"This front speaks version {LINK_VERSION} of the link.")
        if message.transport != "webrtc":
            raise LinkError("wrong_transport", "This front is that of the transport webrtc.")
        self.pid = message.pid
        self.state = "warming"
        self._port.send(Welcome(version=LINK_VERSION))

    def _drain(self, message: WorkerMessage) -> None:
        if isinstance(message, WorkerEnd):
            self.state = "warming"
        elif not isinstance(message, Response | Notify | MediaState):  # those were on their way
            raise self._out_of_order(message)

    def _out_of_order(self, message: WorkerMessage) -> LinkError:
        return LinkError("bad_message", f"{message.type} out of order: the worker is {self.state}.")

    def tick(self, now_s: float) -> None:
        """
        Raises:
            LinkError: it has not said in time what it must say; the connection is to be failed with it.
        """
        if self.state in ("new", "ending") and now_s >= self._due_s:
            awaited = "hello" if self.state == "new" else "end"
            raise LinkError("bad_message", f"No `{awaited}` came in time.")

    def failed(self, error: LinkError, now_s: float) -> None:
        """What came over it is not of the protocol: say so, and close."""
        if self.state != "gone":
            _log.error("call worker %d: %s: %s", self.pid, error.code, error.message)
            # The codes of a frame's or a message's faults are those of the protocol.
            self._port.send(Error.model_validate({"code": error.code, "message": error.message}))
        self.lost(now_s)

    def lost(self, now_s: float) -> None:
        """The connection is gone, or is to go."""
        if self.state != "gone":
            self.state = "gone"
            self._port.close()
            self._board.worker_over(self, now_s)

    # --- from the switchboard -------------------------------------------------------------------------------------

    def begin(self, call: Call) -> None:
        assert self.state == "idle"
        self.state = "on_call"
        self._port.send(call)

    def send(self, message: Message) -> None:
        self._port.send(message)

    def end(self, message: End, now_s: float) -> None:
        """End its call; it is free again when it has said so too."""
        assert self.state == "on_call"
        self.state = "ending"
        self._due_s = now_s + END_WITHIN_S
        self._port.send(message)
