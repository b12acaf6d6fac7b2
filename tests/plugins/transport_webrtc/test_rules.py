"""The rules of the front without I/O: what a page may say, and what time alone brings about."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import voicebot_transport_webrtc
from voicebot.access.addresses import Caller
from voicebot.access.door import Door
from voicebot.access.limits import TokenBucket
from voicebot.access.settings import AccessSettings
from voicebot.link.errors import LinkError
from voicebot.link.messages import (
    Bye,
    End,
    Error,
    Hello,
    IceServer,
    Idle,
    MediaState,
    Message,
    Notify,
    Response,
    WorkerEnd,
    WorkerMessage,
)
from voicebot_transport_webrtc import WebRtcConfig
from voicebot_transport_webrtc.front.ice import ice_servers
from voicebot_transport_webrtc.front.metrics import Metrics, exposition
from voicebot_transport_webrtc.front.page import CLOSE_CODES, From, Page
from voicebot_transport_webrtc.front.signals import BadSignal, Heard, Join, Leave, OfferData, Request, parse
from voicebot_transport_webrtc.front.switchboard import Switchboard
from voicebot_transport_webrtc.front.worker import Worker

# --- what a page may say --------------------------------------------------------------------------------------------


def test_messages_of_the_protocol() -> None:
    assert parse('{"type": "join", "version": 1}') == Join(version=1)
    assert parse('{"type": "join", "version": 1, "resume": "t"}') == Join(version=1, resume="t")
    offer = '{"type": "request", "id": 0, "method": "offer", "data": {"sdp": "v=0"}}'
    assert parse(offer) == Request(id=0, method="offer", data=OfferData(sdp="v=0"))
    heard = '{"type": "heard", "turn_id": 3, "voice_to_voice_ms": 812}'
    assert parse(heard) == Heard(turn_id=3, voice_to_voice_ms=812.0)
    assert parse('{"type": "leave"}') == Leave()


def check(text: str) -> None:
    try:
        signal = parse(text)
    except BadSignal as error:
        told = str(error)
    else:
        assert isinstance(signal, Join | Request | Heard | Leave)
        return
    assert told
    assert set(told) <= set(string.printable)


@given(st.text())
def test_any_text_is_a_message_or_a_refusal(text: str) -> None:
    check(text)


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
_known = {
    "type": st.sampled_from(["join", "request", "heard", "leave"]),
    "version": st.just(1) | _values,
    "resume": _values,
    "id": _values,
    "method": st.just("offer") | _values,
    "data": st.fixed_dictionaries({"sdp": _values}) | _values,
    "turn_id": _values,
    "voice_to_voice_ms": _values,
}


@given(st.fixed_dictionaries({}, optional=_known | {"more": _values}))
def test_any_object_is_a_message_or_a_refusal(message: dict[str, Any]) -> None:
    check(json.dumps(message))


@given(st.integers().filter(lambda version: version != 1))
def test_another_version_is_told_from_a_bad_message(version: int) -> None:
    assert parse(json.dumps({"type": "join", "version": version, "unheard": "of"})) == Join(version=version)


# --- limits ---------------------------------------------------------------------------------------------------------


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = TokenBucket(50, 100, 7.0)
    assert sum(bucket.take(7.0) for _ in range(200)) == 100
    assert sum(bucket.take(7.0 + i / 1000) for i in range(1, 1001)) == pytest.approx(50, abs=1)
    assert sum(bucket.take(1000.0) for _ in range(200)) == 100


def test_turn_credentials_expire_and_name_the_call() -> None:
    config = WebRtcConfig.model_validate(
        {
            "ice_servers": [{"urls": "stun:stun.example.org"}],
            "turn": {"urls": ["turn:turn.example.org"], "secret": "north", "ttl_s": 600},
        }
    )
    stun, turn = ice_servers(config, "c0ffee", 1_000_000.9)
    assert stun == IceServer(urls="stun:stun.example.org")
    assert turn.username == "1000600:c0ffee"
    digest = hmac.new(b"north", b"1000600:c0ffee", hashlib.sha1).digest()
    assert turn.credential == base64.b64encode(digest).decode()
    assert turn.urls == ["turn:turn.example.org"]


def test_the_example_of_the_readme_is_a_profiles() -> None:
    readme = (Path(voicebot_transport_webrtc.__file__).parents[1] / "README.md").read_text()
    example = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)[0]
    section = yaml.safe_load(re.sub(r"^  # ", "  ", example, flags=re.MULTILINE))["transport"]
    assert section.pop("use") == "webrtc"
    config = WebRtcConfig.model_validate(section)
    assert config.turn is not None
    assert set(section) <= config.model_fields_set
    with pytest.raises(ValidationError, match="ice_addresses"):
        WebRtcConfig.model_validate({"ice_addresses": ["localhost"]})


def test_metrics_have_the_form_that_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.calls_ended["hung_up"] += 2
    text = exposition(metrics.families(active=1, workers={"idle": 3}))
    assert text.endswith("\n")
    assert "voicebot_calls_active 1\n" in text
    assert '\nvoicebot_calls_ended_total{reason="hung_up"} 2\n' in text
    assert '\nvoicebot_call_workers{state="idle"} 3\n' in text
    for line in text.splitlines():
        name = line.split()[2] if line.startswith("#") else line.partition("{")[0].partition(" ")[0]
        assert f"# TYPE {name} " in text
        assert f"# HELP {name} " in text


# --- the switchboard, on a clock of the test's own ------------------------------------------------------------------


class PageEnd:
    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.pings = 0
        self.closed: list[int] = []
        """The close code, once."""

    def send(self, message: Mapping[str, Any]) -> None:
        assert self.closed == []
        self.sent.append(message)

    def ping(self) -> None:
        assert self.closed == []
        self.pings += 1

    def close(self, code: int, reason: str) -> None:
        assert self.closed == []
        self.closed.append(code)

    def last(self) -> Mapping[str, Any]:
        return self.sent[-1]


HERE = From(Caller("127.0.0.1", ""), "localhost", None)


class WorkerEnd_:
    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.closed = False

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def close(self) -> None:
        self.closed = True


class Board:
    """A switchboard, its clock, and what stands at its two sides."""

    def __init__(self, grace_s: float = 10) -> None:
        self.board = Switchboard(
            Metrics(),
            lambda _: [],
            door=Door(AccessSettings(), "127.0.0.1"),
            waiting=100,
            unix_time=lambda: 1000.0,
            grace_s=grace_s,
            jitter_buffer_target_ms=100,
            busy=lambda: self.busy,
        )
        self.busy = ""
        self.now_s = 100.0

    def worker(self) -> tuple[Worker, WorkerEnd_]:
        end = WorkerEnd_()
        worker = self.board.worker_opened(end, self.now_s)
        for message in (Hello(transport="webrtc", pid=1), Idle()):
            worker.received(message, self.now_s)
        return worker, end

    def page(self, **join: Any) -> tuple[Page, PageEnd]:
        end = PageEnd()
        page = self.board.page_opened(end, HERE, self.now_s)
        page.received(json.dumps({"type": "join", "version": 1} | join), self.now_s)
        return page, end

    def passes(self, seconds: float, *answering: Page) -> None:
        """Time passes; these pages answer pings."""
        for _ in range(round(seconds * 4)):
            self.now_s += 0.25
            for page in answering:
                page.ponged(self.now_s)
            self.board.tick(self.now_s)


def test_no_join_in_time() -> None:
    board = Board()
    end = PageEnd()
    board.board.page_opened(end, HERE, board.now_s)
    board.passes(4.75)
    assert end.closed == []
    board.passes(0.25)
    assert (end.last()["code"], end.closed) == ("bad_message", [CLOSE_CODES["bad_message"]])


def test_no_media_path_in_time() -> None:
    board = Board()
    worker, agent = board.worker()
    page, end = board.page()
    board.passes(19.75, page)
    assert end.closed == []
    board.passes(0.25, page)
    assert (end.last()["reason"], end.closed) == ("timeout", [1000])
    assert agent.sent[-1] == End(reason="timeout", message="no path for audio was found within 20 s")
    # The worker takes the next call only when it has said that this one is over.
    assert worker.state == "ending"
    with pytest.raises(LinkError, match="idle out of order"):
        worker.received(Idle(), board.now_s)
    worker.received(Notify(event={"late": 1}), board.now_s)
    worker.received(WorkerEnd(reason="hung_up"), board.now_s)
    worker.received(Idle(), board.now_s)
    assert board.page()[1].last()["type"] == "joined"


def test_a_media_path_once_found_has_no_deadline() -> None:
    board = Board()
    worker, _ = board.worker()
    page, end = board.page()
    worker.received(MediaState(), board.now_s)
    board.passes(3600, page)
    assert end.closed == []
    assert end.pings == 3600 / 5


def test_a_page_that_does_not_answer_is_dropped_and_its_call_waits() -> None:
    board = Board(grace_s=10)
    worker, agent = board.worker()
    _, end = board.page()
    worker.received(MediaState(), board.now_s)
    board.passes(14.75)
    assert end.closed == []
    board.passes(0.25)
    assert end.closed == [1001]
    assert board.board.metrics.signalling_refused == {"no_pong": 1}
    board.passes(9.75)
    assert board.board.active == 1
    board.passes(0.25)
    assert board.board.active == 0
    assert agent.sent[-1] == End(reason="timeout", message="the page did not come back")


def test_a_claim_waits_a_second_for_the_present_page() -> None:
    board = Board()
    worker, _ = board.worker()
    first, first_end = board.page()
    worker.received(MediaState(), board.now_s)
    token = first_end.last()["token"]
    board.passes(1, first)

    _, second_end = board.page(resume=token)
    _, third_end = board.page(resume=token)
    assert third_end.last()["code"] == "in_use"  # there is a claim already
    board.passes(0.75)
    assert second_end.sent == []
    board.passes(0.25)
    assert (second_end.last()["type"], second_end.last()["resumed"]) == ("joined", True)
    assert first_end.closed == [1001]

    # This one answers.
    fourth, fourth_end = board.page(resume=token)
    assert second_end.pings == 1
    second = next(page for page in board.board._pages if page is not fourth)
    board.passes(0.25, second)
    assert (fourth_end.last()["code"], fourth_end.closed) == ("in_use", [CLOSE_CODES["in_use"]])
    assert second_end.closed == []


def test_a_claim_is_granted_at_once_when_the_present_page_goes() -> None:
    board = Board()
    board.worker()
    first, first_end = board.page()
    _, second_end = board.page(resume=first_end.last()["token"])
    first.lost(board.now_s)
    assert second_end.last()["type"] == "joined"


def test_a_claimant_that_goes_leaves_the_call_alone() -> None:
    board = Board()
    worker, _ = board.worker()
    first, first_end = board.page()
    worker.received(MediaState(), board.now_s)
    second, _ = board.page(resume=first_end.last()["token"])
    second.lost(board.now_s)
    board.passes(5, first)
    assert first_end.closed == []
    assert board.board.active == 1


def test_a_claim_on_a_call_that_ends_is_refused() -> None:
    board = Board()
    worker, _ = board.worker()
    _, first_end = board.page()
    _, second_end = board.page(resume=first_end.last()["token"])
    worker.received(WorkerEnd(reason="hung_up"), board.now_s)
    assert (first_end.last()["reason"], second_end.last()["code"]) == ("hung_up", "unknown_call")


def test_a_claimant_may_only_leave() -> None:
    board = Board()
    worker, _ = board.worker()
    first, first_end = board.page()
    worker.received(MediaState(), board.now_s)
    token = first_end.last()["token"]
    second, second_end = board.page(resume=token)
    second.received('{"type": "heard", "turn_id": 1, "voice_to_voice_ms": 1}', board.now_s)
    assert second_end.last()["code"] == "bad_message"
    third, third_end = board.page(resume=token)
    third.received('{"type": "leave"}', board.now_s)
    assert (third_end.sent, third_end.closed) == ([], [1001])
    board.passes(5, first)
    assert first_end.closed == []


def test_calls_go_to_the_worker_that_has_been_idle_longest() -> None:
    board = Board()
    workers = [board.worker() for _ in range(3)]
    page, _ = board.page()
    page.received('{"type": "leave"}', board.now_s)
    first, first_end = workers[0]
    first.received(WorkerEnd(reason="hung_up"), board.now_s)
    first.received(Idle(), board.now_s)
    for _ in range(3):
        board.page()
    order = [[m for m in end.sent if m.type == "call"][-1].call_id for _, end in (*workers[1:], workers[0])]  # type: ignore[attr-defined]
    assert order == [call.call_id for call in board.board._calls.values()]
    assert sum(m.type == "call" for m in first_end.sent) == 2  # type: ignore[attr-defined]


def test_a_busy_machine_takes_one_call_and_no_further() -> None:
    board = Board()
    for _ in range(2):
        board.worker()
    board.busy = "the machine is busy: 3% of its CPU is idle"
    assert board.board.not_ready() == ""
    board.page()
    assert board.board.active == 1
    assert board.board.not_ready() == board.busy
    _, refused = board.page()
    # How busy it is, is not for callers.
    message = {"type": "refused", "code": "busy", "message": "there is no room for a further call"}
    assert refused.sent == [message]
    assert board.board.metrics.signalling_refused == {"busy_no_headroom": 1}
    board.busy = ""
    board.page()
    assert board.board.active == 2


def test_an_end_that_crosses_another_is_its_answer() -> None:
    board = Board()
    worker, agent = board.worker()
    page, end = board.page()
    page.received('{"type": "leave"}', board.now_s)
    worker.received(WorkerEnd(reason="failed", message="at the same time"), board.now_s)
    assert end.last()["reason"] == "hung_up"
    assert [m.type for m in agent.sent].count("end") == 1  # type: ignore[attr-defined]
    worker.received(Bye(), board.now_s)
    assert agent.closed


def test_a_worker_that_does_not_answer_an_end_is_let_go() -> None:
    board = Board()
    worker, agent = board.worker()
    page, _ = board.page()
    page.received('{"type": "leave"}', board.now_s)
    board.passes(4.75)
    assert (worker.state, agent.closed) == ("ending", False)
    board.passes(0.25)
    assert (worker.state, agent.closed) == ("gone", True)
    assert agent.sent[-1] == Error(code="bad_message", message="No `end` came in time.")
    assert board.board.not_ready() == "no call worker is there"
    assert board.board.metrics.link_refused == {"bad_message": 1}


def test_a_worker_without_a_hello_is_let_go_and_one_that_warms_up_is_not() -> None:
    board = Board()
    silent, warming = WorkerEnd_(), WorkerEnd_()
    board.board.worker_opened(silent, board.now_s)
    board.board.worker_opened(warming, board.now_s).received(Hello(transport="webrtc", pid=1), board.now_s)
    board.passes(4.75)
    assert not silent.closed
    board.passes(600)
    assert (silent.closed, warming.closed) == (True, False)


def test_a_worker_that_is_told_off_twice_is_closed_once() -> None:
    board = Board()
    worker, agent = board.worker()
    worker.failed(LinkError("bad_message", "x"), board.now_s)
    worker.failed(LinkError("bad_message", "y"), board.now_s)
    assert [m.type for m in agent.sent] == ["welcome", "error"]  # type: ignore[attr-defined]
    assert board.board.worker_states()["idle"] == 0


_worker_messages: list[WorkerMessage] = [
    Hello(transport="webrtc", pid=1),
    Idle(),
    MediaState(),
    Notify(event={}),
    Response(id=1, ok=True, data={}),
    WorkerEnd(reason="hung_up"),
    Bye(),
]
_page_messages = [
    '{"type": "join", "version": 1}',
    '{"type": "leave"}',
    '{"type": "heard", "turn_id": 1, "voice_to_voice_ms": 1}',
    '{"type": "request", "id": %d, "method": "offer", "data": {"sdp": "x"}}',
]
_steps = st.one_of(
    st.tuples(st.just("worker says"), st.integers(0, 2), st.integers(0, len(_worker_messages) - 1)),
    st.tuples(st.just("page says"), st.integers(0, 3), st.integers(0, len(_page_messages) - 1)),
    st.tuples(st.just("page resumes"), st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("page goes"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("worker goes"), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("time"), st.integers(1, 40), st.just(0)),
)


@given(st.lists(_steps, max_size=60))
def test_whatever_happens_the_books_are_right(steps: list[tuple[str, int, int]]) -> None:
    """Random pages and workers, in and out of turn: one call per page and worker, nothing after a close."""
    board = Board(grace_s=2)
    pages: dict[int, tuple[Page, PageEnd]] = {}
    workers: dict[int, tuple[Worker, WorkerEnd_]] = {}
    tokens: list[str] = []
    for count, (what, who, which) in enumerate(steps):
        if what == "time":
            board.passes(who / 4)
        elif what.startswith("page"):
            page, end = pages.get(who, (None, None))
            if page is None or page.is_over:
                end = PageEnd()
                page = board.board.page_opened(end, HERE, board.now_s)
                pages[who] = (page, end)
            if what == "page goes":
                page.lost(board.now_s)
            elif what == "page resumes":
                token = tokens[which % len(tokens)] if tokens else "none"
                page.received(json.dumps({"type": "join", "version": 1, "resume": token}), board.now_s)
            else:
                text = _page_messages[which]
                page.received(text % count if "%d" in text else text, board.now_s)
        else:
            worker, agent = workers.get(who, (None, None))
            if worker is None or worker.state == "gone":
                agent = WorkerEnd_()
                worker = board.board.worker_opened(agent, board.now_s)
                workers[who] = (worker, agent)
                if which % 2:
                    worker.received(Hello(transport="webrtc", pid=1), board.now_s)
                    worker.received(Idle(), board.now_s)
            if what == "worker goes":
                worker.lost(board.now_s)
            else:
                try:
                    worker.received(_worker_messages[which], board.now_s)
                except LinkError as error:
                    worker.failed(error, board.now_s)
        for _, end in pages.values():
            assert end is not None
            tokens += [m["token"] for m in end.sent if m["type"] == "joined" and m["token"] not in tokens]
        calls = list(board.board._calls.values())
        assert len({call.worker for call in calls}) == len(calls)
        assert all(call.worker.state == "on_call" for call in calls)
        assert sum(worker.state == "on_call" for worker, _ in workers.values()) == len(calls)
        for call in calls:
            assert (call.page is None) == (call.resume_by_s is not None)
            assert call.page is None or (not call.page.is_over and board.board._by_page[call.page] is call)
            assert call.claimant is None or not call.claimant.is_over
        assert len(board.board._by_page) == sum(call.page is not None for call in calls)
    board.board.close(board.now_s)
    assert board.board.active == 0
    assert all(page.is_over for page, _ in pages.values())
    assert not board.board._pages
