"""Two nodes that are `voicebot run`, with scripted engines, behind a real Caddy with deploy/Caddyfile.nodes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from tests.deploy.support import DEPLOY, Page, free_port, serving
from tests.support.running import PATIENCE_S, Run, running

from voicebot.clock import now

CADDYFILE = (DEPLOY / "Caddyfile.nodes").read_text()
# Callers come through a proxy, and the test's pages all from one address, again and again.
ACCESS = {
    "ACCESS__OPEN": "true",
    "ACCESS__LIMITS__JOINS_PER_MINUTE": "100000",
    "ACCESS__LIMITS__REQUESTS_PER_S": "10000",
}
ELSEWHERE_WITHIN_S = 5.0
"""How soon new calls go elsewhere once a node is gone or full: docs/deployment.md."""


@dataclass
class Node:
    run: Run
    port: int
    http: aiohttp.ClientSession

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def get(self, path: str) -> tuple[int, str]:
        async with self.http.get(f"http://{self.address}{path}") as answer:
            return answer.status, await answer.text()

    async def calls(self) -> int:
        """How many calls it holds."""
        return await self._metric("voicebot_calls_active ")

    async def idle(self) -> int:
        """How many call workers wait for a call."""
        return await self._metric('voicebot_call_workers{state="idle"} ')

    async def _metric(self, name: str) -> int:
        _, text = await self.get("/metrics")
        values = [line.removeprefix(name) for line in text.splitlines() if line.startswith(name)]
        return int(float(values[0])) if values else 0


@dataclass
class Farm:
    nodes: list[Node]
    url: str
    http: aiohttp.ClientSession

    def page(self) -> Page:
        return Page(self.http)

    async def where(self, call: str) -> tuple[Page, Node]:
        """A new call, and the node that has it."""
        before = [await node.calls() for node in self.nodes]
        page = self.page()

        async def taken() -> bool:
            # A node that has just become full is known to be so a second later.
            return await page.join(self.url, call) == "joined"

        await self.eventually(taken)
        after = [await node.calls() for node in self.nodes]
        (index,) = [i for i in range(len(before)) if after[i] != before[i]]
        return page, self.nodes[index]

    async def eventually(self, condition: Callable[[], Coroutine[Any, Any, bool]]) -> float:
        """How many seconds it took."""
        began_s = now()
        async with asyncio.timeout(PATIENCE_S):
            while not await condition():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return now() - began_s


@asynccontextmanager
async def _farm(folder: Path, calls: int) -> AsyncIterator[Farm]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        nodes = []
        for name in ("a", "b"):
            port = free_port()
            own = {"TRANSPORT__PORT": str(port), "TRANSPORT__SOCKET": str(folder / f"{name}.sock")}
            run = await stack.enter_async_context(
                running(TRANSPORT="webrtc", CALLS=str(calls), **own, **ACCESS)
            )
            nodes.append(Node(run, port, http))
        await asyncio.gather(*(node.run.until("Open http") for node in nodes))
        port = free_port()
        site = f"http://127.0.0.1:{port}"
        environ = {"SITE": site, "NODES": " ".join(node.address for node in nodes)}
        await stack.enter_async_context(serving(CADDYFILE, folder, **environ))
        farm = Farm(nodes, site, http)

        async def all_idle() -> bool:
            return all([await node.idle() == calls for node in nodes])

        async def answers() -> bool:
            try:
                async with http.get(f"{site}/healthz") as answer:
                    return answer.status == 200
            except aiohttp.ClientConnectionError:
                return False

        await farm.eventually(answers)
        await farm.eventually(all_idle)
        yield farm


def test_calls_stick_to_their_node_and_go_elsewhere_when_it_is_gone(tmp_path: Path) -> None:
    async def main() -> None:
        async with _farm(tmp_path, calls=3) as farm:
            held: dict[str, tuple[Page, Node]] = {}
            # One call at each node, which has room for more all the time: a full one would move calls elsewhere.
            for number in range(64):
                page, node = await farm.where(f"call-{number}")
                if node in [other for _, other in held.values()]:
                    await page.leave()

                    async def left(node: Node = node) -> bool:
                        return await node.calls() == 1

                    await farm.eventually(left)
                    continue
                held[f"call-{number}"] = page, node
                if len(held) == 2:
                    break
            assert len(held) == 2, "64 ids in a row are one node's"

            # A network that fails: the call is found again, by its id, and it is the same one.
            for call, (page, _) in held.items():
                was = page.call_id
                assert await page.join(farm.url, call, resume=True) == "joined"
                assert page.call_id == was

            # One node is killed. A new call is taken by the other, at once or nearly so, whatever its id.
            page, dead = held["call-0"]
            other = next(node for node in farm.nodes if node is not dead)
            for page, node in held.values():
                if node is other:
                    await page.leave()

            async def free() -> bool:
                return await other.calls() == 0

            await farm.eventually(free)
            dead.run.process.send_signal(signal.SIGKILL)
            new = farm.page()

            async def taken() -> bool:
                return await new.join(farm.url, "call-0") == "joined"

            took_s = await farm.eventually(taken)
            assert took_s < ELSEWHERE_WITHIN_S
            assert await other.calls() == 1
            await new.leave()

    asyncio.run(main())


def test_a_full_node_takes_no_new_call_and_keeps_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with _farm(tmp_path, calls=1) as farm:
            first, full = await farm.where("call-0")
            other = next(node for node in farm.nodes if node is not full)
            assert (await full.get("/readyz"))[0] == 503

            # The same id once more: only the other has room.
            second = farm.page()

            async def taken() -> bool:
                return await second.join(farm.url, "call-0") == "joined"

            took_s = await farm.eventually(taken)
            assert took_s < ELSEWHERE_WITHIN_S
            assert await other.calls() == 1

            # Both are full: nobody takes a third, and says so, also once Caddy knows of no node with room.
            async def nobody_is_ready() -> bool:
                asked_s = now()
                assert await farm.page().join(farm.url, "call-1") == "busy"
                # It has looked for a node with room for a second, and then asked one that has none.
                return now() - asked_s > 0.5

            await farm.eventually(nobody_is_ready)
            assert await farm.page().join(farm.url, "call-2") == "busy"
            # The full node's own call goes on there when its network failed.
            was = first.call_id
            assert await first.join(farm.url, "call-0", resume=True) == "joined"
            assert first.call_id == was
            await first.leave()
            await second.leave()

            # One stops, as for an upgrade.
            assert await full.run.end(signal.SIGTERM) == 0
            last = farm.page()

            async def taken_by_the_other() -> bool:
                return await last.join(farm.url, "call-0") == "joined"

            assert await farm.eventually(taken_by_the_other) < ELSEWHERE_WITHIN_S
            assert await other.calls() == 1
            await last.leave()

    asyncio.run(main())


def test_what_is_for_operators_is_refused_to_others(tmp_path: Path) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as http:
            port = free_port()
            site = f"http://127.0.0.1:{port}"
            # As if this machine's own addresses were of the internet.
            outside = CADDYFILE.replace("private_ranges", "192.0.2.0/24")
            assert outside != CADDYFILE
            async with serving(outside, tmp_path, SITE=site):

                async def status(path: str) -> int:
                    try:
                        async with http.get(f"{site}{path}") as answer:
                            return answer.status
                    except aiohttp.ClientConnectionError:
                        return 0

                while await status("/metrics") == 0:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                assert await status("/metrics") == 403
                assert await status("/readyz") == 403
                assert await status("/healthz") in (502, 503)

    asyncio.run(main())
