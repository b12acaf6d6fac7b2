"""Serves the front and keeps the call workers alive."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, TypeAlias

from voicebot.clock import now
from voicebot.engines import Engine, blame
from voicebot.errors import EngineError, VoicebotError
from voicebot.events import CallEnded, CallStarted, Event
from voicebot.headroom import watch_idle
from voicebot.interfaces import Front, OperatedFront, Transport
from voicebot.supervising.messages import (
    GOODBYE,
    NO_MORE,
    CallEvent,
    Free,
    HangUp,
    Health,
    Leaving,
    Message,
    order_line,
)
from voicebot.supervising.operations import Operations
from voicebot.supervising.policy import CRASHES, GiveUp, Restart, SlotState, WorkerPolicy
from voicebot.supervising.process import WorkerProcess
from voicebot.supervising.reaping import Reaper
from voicebot.tasks import task_group

__all__ = ["GOODBYE_S", "Supervisor", "WorkerState", "WorkersFailed"]

WorkerState: TypeAlias = SlotState | Literal["on_call"]

GOODBYE_S = 15.0
"""How long a goodbye may take; then the calls are ended in order."""


class WorkersFailed(VoicebotError):
    """Call workers keep ending before they are ready."""

    code = "workers"


class Supervisor:
    """Keeps a deployment running until it is told to stop.

    Args:
        command: starts a call worker.
        calls: how many workers.
        transport: whose front is served, and who is to blame for its faults.
        on_open: called with an address where calls can be placed, once for each, when the first worker is warm; with
            "" where there is no front to have one.
        on_event: called with a call's id and each of its events.
        on_line: called with each line for the error log.
        drain_s: how long calls may go on after `drain`.
        min_idle: share of the machine's CPU that must be idle for a further call; 0: all the same.
        on_change: called when `calls_on` or `draining` has changed.

    Attributes:
        calls_on: the calls that are on, by the number of their worker.
        draining: no further call is taken.
        operations: how the engines of all workers are, and what has been counted; the front shows it.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        calls: int,
        transport: Engine[Transport],
        on_open: Callable[[str], None],
        on_event: Callable[[str, Event], None],
        on_line: Callable[[str], None],
        drain_s: float = 0.0,
        min_idle: float = 0.0,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._command, self._environ = command, environ
        self._transport = transport
        self._on_open, self._on_event, self._on_line = on_open, on_event, on_line
        self._drain_s, self._on_change = drain_s, on_change
        self.calls_on: dict[int, str] = {}
        self.draining = False
        self._reaper = Reaper(self._kill_for)
        self.operations = Operations(min_idle)
        self._troubles: dict[int, str] = {}
        """What has been said of workers that are not warm."""
        with blame(transport):
            self._front: Front | None = transport.provider.front()
            if isinstance(self._front, OperatedFront):
                self._front.operate(self.operations)
        self._policy = WorkerPolicy(calls, replace_finished=self._front is not None)
        self._workers: dict[int, WorkerProcess] = {}
        self._addresses = [] if self._front is not None else [""]
        self._announced: set[str] = set()
        self._listening = asyncio.Event()
        self._changed = asyncio.Event()
        self._warm_once = self._stopping = False
        self._given_up: VoicebotError | None = None

    def stop(self) -> None:
        """Make `run` end: the front goes first, and ends the calls; then the workers."""
        self._stopping = True
        self._listening.set()
        self._changed.set()

    def drain(self) -> None:
        """Make `run` end when the calls that are on are over, or have been ended with a goodbye; none begins."""
        if not (self.draining or self._stopping):
            self.draining = True
            self.operations.closing = True
            self._listening.set()
            self._changed.set()
            self._on_change()

    def hang_up(self, call_id: str, *, goodbye: bool) -> bool:
        """End a call, with a word or at once; False where it is not on."""
        number = next((number for number, name in self.calls_on.items() if name == call_id), None)
        if number is None or number not in self._workers:
            return False
        self._workers[number].tell(order_line(HangUp(call_id, goodbye)))
        if not goodbye and not self._reaper.expects(number):
            self._reaper.expect(number, "hung up")
        return True

    def workers(self) -> list[WorkerState]:
        """Each worker's state, in the order of their numbers."""
        states: list[WorkerState] = list(self._policy.states)
        for number in self.calls_on:
            states[number] = "on_call"
        return states

    def kill(self) -> None:
        """End the workers at once."""
        for worker in self._workers.values():
            worker.kill()

    async def run(self) -> None:
        """Serve until `stop`, or until no more calls can come. Nothing is left running.

        Raises:
            EngineError: the front failed.
            WorkersFailed: no worker gets ready, and none says that it is the user's error.
            VoicebotError: what a worker that cannot run here said.
        """
        async with task_group() as workers:
            try:
                async with task_group(cancel_on_exit=True) as group:
                    group.create_task(watch_idle(self.operations.headroom.measured), name="headroom")
                    if self._front is not None:
                        group.create_task(self._serve(self._front), name="front")
                        await self._listening.wait()
                    await self._keep_workers(workers)
            finally:
                self._stopping = True
                async with task_group() as stops:
                    for worker in self._workers.values():
                        stops.create_task(worker.stop(), name="stop worker")

    async def _serve(self, front: Front) -> None:
        with blame(self._transport):
            await front.serve(self._opened)
            raise EngineError("it stopped serving")

    def _opened(self, address: str) -> None:
        self._addresses.append(address)
        self._listening.set()
        self._announce()

    def _announce(self) -> None:
        if self._warm_once:
            for address in self._addresses:
                if address not in self._announced:
                    self._announced.add(address)
                    self._on_open(address)
            self._addresses.clear()

    async def _keep_workers(self, group: asyncio.TaskGroup) -> None:
        policy = self._policy
        while not self._stopping and not policy.done and self._given_up is None:
            if self.draining:
                await self._drain(group)
                return
            number = policy.next_start(now())
            if number is not None:
                worker = WorkerProcess(
                    self._command,
                    self._environ,
                    on_message=partial(self._message, number),
                    on_line=self._line,
                )
                self._workers[number] = worker
                policy.started(number, now())
                group.create_task(self._work(number, worker), name=f"call worker {number + 1}")
                continue
            await self._change(policy.wake_at())
        if self._given_up is not None:
            raise self._given_up

    async def _drain(self, group: asyncio.TaskGroup) -> None:
        """Let the workers end."""
        for number, worker in self._workers.items():
            if self._policy.is_warm(number):
                worker.tell(NO_MORE)
                if number not in self.calls_on:
                    self._reaper.expect(number, "ended")
            else:
                group.create_task(worker.stop(), name="stop worker")
        due_s, said_goodbye = now() + self._drain_s, False
        while self._workers and not self._stopping:
            if now() >= due_s:
                if said_goodbye:
                    return
                for worker in self._workers.values():
                    worker.tell(GOODBYE)
                due_s, said_goodbye = now() + GOODBYE_S, True
            await self._change(due_s)

    async def _change(self, until_s: float | None) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until_s):
                await self._changed.wait()

    def _message(self, number: int, message: Message) -> None:
        if isinstance(message, CallEvent):
            self._call_goes(number, message)
            self.operations.happened(message.event)
            self._on_event(message.call_id, message.event)
        elif isinstance(message, Free):
            self._free(number)
            if self.draining:
                self._reaper.expect(number, "ended")
        elif isinstance(message, Leaving):
            self._policy.leaves(number)
            self._reaper.expect(number, "ended")
            if message.why:
                self._on_line(f"call worker {number + 1} is replaced: {message.why}")
        elif isinstance(message, Health):
            self.operations.healthy(number, message.engines)
            self._tell_trouble(number)
        else:
            self._troubles[number] = ""
            self.operations.warm(number)
            self._policy.warm(number)
            self._warm_once = True
            self._announce()
            self._changed.set()

    def _call_goes(self, number: int, message: CallEvent) -> None:
        if isinstance(message.event, CallStarted):
            self._reaper.pardon(number)
            self.calls_on[number] = message.call_id
            self._calls_changed()
        elif isinstance(message.event, CallEnded):
            self._reaper.expect(number, "put away its call, which has ended,")

    def _free(self, number: int) -> None:
        """Nothing is left of a worker's call."""
        self._reaper.pardon(number)
        if self.calls_on.pop(number, None) is not None:
            self._calls_changed()

    def _calls_changed(self) -> None:
        self.operations.calls_on = len(self.calls_on)
        self._on_change()

    def _kill_for(self, number: int, what: str) -> None:
        self._on_line(f"call worker {number + 1} is killed: it has not {what}")
        self._workers[number].kill()

    def _tell_trouble(self, number: int) -> None:
        """What a worker waits for that is not warm is not to be looked for in vain: it says the rest when it is."""
        if self._policy.is_warm(number):
            return
        trouble = self.operations.trouble(number)
        if trouble and trouble != self._troubles.get(number):
            self._on_line(f"call worker {number + 1} is not ready yet: {trouble}")
        self._troubles[number] = trouble

    def _line(self, line: str) -> None:
        # That the front goes first is no error of a worker's, but it may well say so.
        if not self._stopping:
            self._on_line(line)

    async def _work(self, number: int, worker: WorkerProcess) -> None:
        try:
            code = await worker.run()
        except OSError as error:
            self._on_line(f"call worker {number + 1} could not be started: {error}")
            code = 1
        self.operations.gone(number)
        self._troubles.pop(number, None)
        self._workers.pop(number, None)
        self._free(number)
        if self._stopping:
            return
        was_warm = self._policy.is_warm(number)
        outcome = self._policy.ended(number, code, now())
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if self.draining:
            if code and was_warm:  # the others were stopped
                worker.release()
                self._on_line(f"call worker {number + 1} ended ({how})")
            self._changed.set()
            return
        complaint = worker.complaint()
        if isinstance(outcome, GiveUp):
            if outcome.reason == "user_error":
                self._given_up = VoicebotError(complaint or f"a call worker could not be made ready ({how})")
            else:
                said = f"; the last one said:\n{complaint}" if complaint else ""
                self._given_up = WorkersFailed(
                    f"call workers ended {CRASHES} times in a row before they were ready ({how}){said}"
                )
        elif isinstance(outcome, Restart):
            worker.release()
            if outcome.after_s:
                self._on_line(
                    f"call worker {number + 1} ended ({how}); another one is started in {outcome.after_s:g} s"
                )
        self._changed.set()
