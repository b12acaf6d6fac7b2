"""Who speaks with whom: pages, calls and call workers (sans-I/O).

page   --join-->  a call with the worker that has been idle longest
page breaks       the call waits `grace_s` for a resume, then ends: timeout
worker breaks     the call ends: agent_lost
no media          the call ends 20 s after `joined`: timeout
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

from voicebot.access.door import Door, JoinRefused
from voicebot.access.tokens import CallGrant
from voicebot.link.errors import LinkError
from voicebot.link.messages import Call as CallMessage
from voicebot.link.messages import End, IceServer, MediaState, Notify, Response, WebrtcMedia
from voicebot.link.messages import Heard as HeardMessage
from voicebot.link.messages import Request as RequestMessage
from voicebot_transport_webrtc.front.call import Call
from voicebot_transport_webrtc.front.metrics import Metrics
from voicebot_transport_webrtc.front.page import From, Page, PagePort
from voicebot_transport_webrtc.front.signals import VERSION, Heard, Join, Leave, Request, Signal
from voicebot_transport_webrtc.front.worker import Worker, WorkerPort

__all__ = ["Switchboard"]

MEDIA_WITHIN_S = 20.0
PROBE_S = 1.0
"""How long the old connection of a call may take to answer when another one claims the call."""
FAREWELL_S = 30.0
"""How long an agent may take to say that the longest call is over."""
MAX_PENDING = 8
"""Requests of a page that its worker has not answered."""


_log = logging.getLogger(__name__)


class Switchboard:
    """Puts pages through to call workers.

    Args:
        door: who may call.
        waiting: how many pages may be connected without a call: in order, each is that for the moment of its join.
        unix_time: the time of tokens.
        busy: why the machine has no room for a further call; "" where it has.
        ice_servers: those for a call of this id, made anew at every join: their credentials have a term.
    """

    def __init__(
        self,
        metrics: Metrics,
        ice_servers: Callable[[str], list[IceServer]],
        *,
        door: Door,
        waiting: int,
        unix_time: Callable[[], float],
        grace_s: float,
        jitter_buffer_target_ms: int,
        busy: Callable[[], str] = lambda: "",
    ) -> None:
        self.metrics = metrics
        self.door = door
        self._waiting = waiting
        self._busy = busy
        self._unix_time = unix_time
        self._ice_servers = ice_servers
        self._grace_s = grace_s
        self._jitter_buffer_target_ms = jitter_buffer_target_ms
        self._pages: set[Page] = set()
        self._calls: dict[str, Call] = {}
        """By token."""
        self._by_page: dict[Page, Call] = {}
        self._workers: dict[Worker, Call | None] = {}
        """In the order in which they became idle, as far as they are."""
        self._is_closing = False

    # --- what can be seen from outside ----------------------------------------------------------------------------

    @property
    def active(self) -> int:
        """Calls that are being held."""
        return len(self._calls)

    def worker_states(self) -> Counter[str]:
        states = Counter({"warming": 0, "idle": 0, "on_call": 0, "ending": 0})
        states.update(worker.state for worker in self._workers if worker.state in states)
        return states

    def not_ready(self) -> str:
        """Why no call would be taken now, or ""."""
        states = self.worker_states()
        if self._is_closing:
            return "the server stops"
        if states["idle"]:
            return self._busy() if states["on_call"] else ""
        if states["on_call"] or states["ending"]:
            return "every call worker has a call"
        return "the engines are warming up" if states["warming"] else "no call worker is there"

    # --- pages ----------------------------------------------------------------------------------------------------

    def has_room(self, key: str = "") -> bool:
        """Whether one more page may connect, from the address of this key; `page_gone` gives its place back."""
        return len(self._pages) - len(self._by_page) < self._waiting and self.door.limits.page(key)

    def page_gone(self, key: str = "") -> None:
        self.door.limits.page_over(key)

    def page_opened(self, port: PagePort, source: From, now_s: float) -> Page:
        page = Page(port, source, now_s, self.metrics, self._page_said, self._page_over)
        self._pages.add(page)
        return page

    def _page_said(self, page: Page, signal: Signal, now_s: float) -> None:
        if isinstance(signal, Join):
            self._join(page, signal, now_s)
            return
        call = self._by_page.get(page)
        if call is None:  # it leaves before the call that it claims was given to it
            page.dismiss("hung up", now_s)
        elif isinstance(signal, Leave):
            self._end(call, "hung_up", now_s)
        elif isinstance(signal, Heard):
            heard = HeardMessage(turn_id=signal.turn_id, voice_to_voice_ms=signal.voice_to_voice_ms)
            call.worker.send(heard)
        else:
            self._request(call, page, signal)

    def _join(self, page: Page, join: Join, now_s: float) -> None:
        if join.version != VERSION:
            page.refuse("wrong_version", f"this server speaks version {VERSION}", now_s)
        elif join.resume is not None:
            self._resume(page, join.resume, now_s)
        else:
            self._enter(page, join, now_s)

    def _enter(self, page: Page, join: Join, now_s: float) -> None:
        source, unix_s = page.source, self._unix_time()
        try:
            grant = self.door.may_join(
                source.caller, source.host, source.origin, join.access_token, now_s=now_s, unix_s=unix_s
            )
            # A token is kept for another attempt where there would be no call anyway.
            if (why := self.not_ready()) == "":
                self.door.begin(source.caller, grant, unix_s)
        except JoinRefused as refused:
            # The log knows why; whoever asks is not told.
            if self.door.worth_a_line(now_s):
                _log.warning("not allowed: %s, from %s", refused.reason, source.caller.address)
            page.refuse("not_allowed", "Not allowed.", now_s, counted=f"not_allowed_{refused.reason}")
            return
        if why == "":
            self._begin(page, grant, now_s)
        else:
            states = self.worker_states()
            if self._is_closing or not (states["on_call"] or states["ending"]):
                page.refuse("not_ready", why, now_s)
            elif states["idle"]:
                # How busy the machine is, is not for callers.
                page.refuse("busy", "there is no room for a further call", now_s, counted="busy_no_headroom")
            else:
                page.refuse("busy", why, now_s)

    def _begin(self, page: Page, grant: CallGrant | None, now_s: float) -> None:
        worker = next(worker for worker in self._workers if worker.state == "idle")
        call_id = secrets.token_hex(8)
        servers = self._ice_servers(call_id)
        longest_s = self.door.longest_call_s(grant)
        call = Call(
            call_id,
            secrets.token_urlsafe(24),
            worker,
            page,
            servers,
            page.source.caller,
            None if longest_s is None else now_s + longest_s + FAREWELL_S,
            now_s + MEDIA_WITHIN_S,
        )
        self._calls[call.token] = call
        self._workers[worker] = call
        if grant is not None:
            _log.info("call %s has the token %r, of %r", call_id, grant.token_id, grant.label)
        limit = grant.max_call_s if grant is not None else None
        worker.begin(CallMessage(call_id=call_id, media=WebrtcMedia(ice_servers=servers), max_call_s=limit))
        self._joined(page, call, resumed=False)

    def _joined(self, page: Page, call: Call, *, resumed: bool) -> None:
        call.page = page
        call.resume_by_s = None
        self._by_page[page] = call
        page.in_call = True
        page.send(
            {
                "type": "joined",
                "version": VERSION,
                "transport": "webrtc",
                "call_id": call.call_id,
                "token": call.token,
                "resumed": resumed,
                "ice_servers": [server.model_dump(exclude_none=True) for server in call.ice_servers],
                "jitter_buffer_target_ms": self._jitter_buffer_target_ms,
                "grace_s": self._grace_s,
            }
        )

    def _resume(self, page: Page, token: str, now_s: float) -> None:
        call = self._calls.get(token)
        if call is None:
            page.refuse("unknown_call", "that call has ended", now_s)
        elif call.page is None:
            self._take_over(call, page, now_s)
        elif call.claimant is not None:
            page.refuse("in_use", "another connection is about to take this call", now_s)
        else:
            call.claimant = page
            call.claimed_s = now_s
            call.page.ping(now_s)

    def _take_over(self, call: Call, page: Page, now_s: float) -> None:
        old, call.page, call.claimant = call.page, None, None
        if old is not None:
            del self._by_page[old]
            old.dismiss("another connection took the call", now_s)
        self.metrics.calls_resumed += 1
        # A new set: credentials made at the join may have run out.
        call.ice_servers = self._ice_servers(call.call_id)
        self._joined(page, call, resumed=True)
        if call.last_state is not None:
            page.send({"type": "event", "event": call.last_state})

    def _request(self, call: Call, page: Page, request: Request) -> None:
        if len(call.requests) >= MAX_PENDING:
            message = "too many requests wait for an answer"
            page.send(_refusal(request.id, "busy", message))
            return
        call.request_count += 1
        data = request.data.model_dump()
        try:
            call.worker.send(RequestMessage(id=call.request_count, method=request.method, data=data))
        except LinkError as error:  # too long for a frame
            page.send(_refusal(request.id, "bad_sdp", error.message))
            return
        call.requests[call.request_count] = (page, request.id)

    def _page_over(self, page: Page, now_s: float) -> None:
        self._pages.discard(page)
        call = self._by_page.pop(page, None)
        if call is None:
            for other in self._calls.values():
                if other.claimant is page:
                    other.claimant = None
            return
        call.page = None
        if call.claimant is not None:
            self._take_over(call, call.claimant, now_s)
        else:
            call.resume_by_s = now_s + self._grace_s

    # --- call workers ---------------------------------------------------------------------------------------------

    def worker_opened(self, port: WorkerPort, now_s: float) -> Worker:
        worker = Worker(port, self, now_s)
        self._workers[worker] = None
        return worker

    def worker_failed(self, worker: Worker, error: LinkError, now_s: float) -> None:
        """What it said, or did not say in time, is not of the protocol: its connection ends."""
        self.metrics.link_refused[error.code] += 1
        worker.failed(error, now_s)

    def worker_idle(self, worker: Worker) -> None:
        """It goes to the end of the queue."""
        del self._workers[worker]
        self._workers[worker] = None

    def worker_said(self, worker: Worker, message: Response | Notify | MediaState) -> None:
        call = self._workers[worker]
        assert call is not None
        if isinstance(message, MediaState):
            call.media_by_s = None
        elif isinstance(message, Notify):
            if message.event.get("name") == "state_changed":
                call.last_state = message.event
            if call.page is not None:
                call.page.send({"type": "event", "event": message.event})
        else:
            self._answer(call, message)

    def _answer(self, call: Call, response: Response) -> None:
        if response.id not in call.requests:
            raise KeyError(response.id)
        page, number = call.requests.pop(response.id)
        answer: dict[str, Any] = {"type": "response", "id": number, "ok": response.ok}
        rest = (
            {"data": response.data} if response.ok else {"code": response.code, "message": response.message}
        )
        page.send(answer | rest)

    def worker_ended_call(self, worker: Worker, reason: str, message: str, now_s: float) -> None:
        call = self._workers[worker]
        assert call is not None
        self._end(call, reason, now_s, message, by_worker=True)

    def worker_over(self, worker: Worker, now_s: float) -> None:
        call = self._workers.pop(worker, None)
        if call is not None:
            self._end(call, "agent_lost", now_s, "the call worker is gone", by_worker=True)

    # --- ends -----------------------------------------------------------------------------------------------------

    def _end(
        self, call: Call, reason: str, now_s: float, message: str = "", *, by_worker: bool = False
    ) -> None:
        del self._calls[call.token]
        self.door.call_over(call.caller)
        self.metrics.calls_ended[reason] += 1
        if call.worker in self._workers:
            self._workers[call.worker] = None
        if not by_worker:
            call.worker.end(End.model_validate({"reason": reason, "message": message}), now_s)
        claimant, call.claimant = call.claimant, None
        if claimant is not None:
            claimant.refuse("unknown_call", "that call has ended", now_s)
        if call.page is not None:
            del self._by_page[call.page]
            call.page.end(reason, message, now_s)

    def tick(self, now_s: float) -> None:
        """What time alone brings about; to be called a few times a second."""
        for page in list(self._pages):
            page.tick(now_s)
        for worker in list(self._workers):
            try:
                worker.tick(now_s)
            except LinkError as error:
                self.worker_failed(worker, error, now_s)
        for call in list(self._calls.values()):
            if call.token not in self._calls:
                continue
            if call.claimant is not None and call.page is not None:
                self._judge_claim(call, call.page, call.claimant, now_s)
            if call.media_by_s is not None and now_s >= call.media_by_s:
                message = f"no path for audio was found within {MEDIA_WITHIN_S:.0f} s"
                self._end(call, "timeout", now_s, message)
            elif call.resume_by_s is not None and now_s >= call.resume_by_s:
                self._end(call, "timeout", now_s, "the page did not come back")
            elif call.ends_by_s is not None and now_s >= call.ends_by_s:
                self._end(call, "timeout", now_s, "the longest call is over")

    def _judge_claim(self, call: Call, page: Page, claimant: Page, now_s: float) -> None:
        if page.alive_s > call.claimed_s:
            call.claimant = None
            claimant.refuse("in_use", "the call has a client that answers", now_s)
        elif now_s >= call.claimed_s + PROBE_S:
            self._take_over(call, claimant, now_s)

    def close(self, now_s: float) -> None:
        """The server stops: every call ends, no new one begins."""
        self._is_closing = True
        for call in list(self._calls.values()):
            self._end(call, "shutdown", now_s, "the server stops")
        for page in list(self._pages):
            page.dismiss("the server stops", now_s)


def _refusal(number: int, code: str, message: str) -> dict[str, Any]:
    return {"type": "response", "id": number, "ok": False, "code": code, "message": message}
