"""What floods and slow clients do to a front, and to a caller who means well.

    python bench/access/flood.py --front webrtc --seconds 5
    python bench/access/flood.py --front mediasoup --json flood.json

Starts the real front in a process of its own, on loopback, with a secret for call tokens and this machine as a
trusted proxy, so that every client can have an address of its own (X-Forwarded-For). An honest caller asks over and
over: the page's health, and a WebSocket with a good token until the answer (`not_ready`: there is no call worker).
Meanwhile attackers of each kind do their worst. Printed: what the attackers got, how the caller fared, and what it cost
the front.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import click
import psutil

from voicebot.access.settings import AccessSettings
from voicebot.access.tokens import make_token

SECRET = "a secret of 32 bytes, or of more"
ACCESS = AccessSettings.model_validate({"secret": SECRET, "trusted_proxies": ["127.0.0.1"]})
HONEST = "198.51.100.7"
FLOODERS = 50
"""Attackers at once."""
DRIPPING = 500
"""Slow connections at once."""

Attack = Callable[[str, Counter[str]], Awaitable[None]]


def _serve(name: str, folder: str, ready: Connection) -> None:
    """The front's process."""
    settings = {"port": 0, "socket": str(Path(folder) / "calls.sock")}
    if name == "webrtc":
        from voicebot_transport_webrtc import WebRtcConfig
        from voicebot_transport_webrtc.provider import WebRtcFront

        front: Any = WebRtcFront(WebRtcConfig.model_validate(settings), Path(folder), ACCESS)
    else:
        from voicebot_transport_mediasoup.config import MediasoupConfig
        from voicebot_transport_mediasoup.front import SfuFront

        rtc = {"port": 0, "media_workers": 1}
        config = MediasoupConfig.model_validate({**settings, "rtc": rtc})
        front = SfuFront(config, Path(folder), ACCESS)
    asyncio.run(front.serve(ready.send))


@asynccontextmanager
async def _running(name: str) -> AsyncIterator[tuple[str, psutil.Process]]:
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.Process(target=_serve, args=(name, folder, there))
        process.start()
        try:
            url = await asyncio.to_thread(lambda: here.recv() if here.poll(60) else "")
            if not url:
                raise SystemExit(f"the {name} front did not start")
            front = psutil.Process(process.pid)
            # The SFU's own process listens, not the one that started it.
            children = [child for child in front.children() if "node" in child.name()]
            yield url, children[0] if children else front
        finally:
            process.terminate()
            process.join(10)
            process.kill()


def _by(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def _anybody() -> str:
    return ".".join(str(random.randrange(1, 255)) for _ in range(4))


# --- the caller -----------------------------------------------------------------------------------------------------


async def _caller(url: str, until_s: float) -> dict[str, Any]:
    """Asks twice a second, as its rate allows; how long it waited, and how often in vain."""
    waits_ms: dict[str, list[float]] = {"http": [], "signalling": []}
    failed: Counter[str] = Counter()
    while time.monotonic() < until_s:
        for what, ask in (("http", _health), ("signalling", _join)):
            began_s = time.monotonic()
            try:
                async with asyncio.timeout(10):
                    await ask(url)
                waits_ms[what].append((time.monotonic() - began_s) * 1000)
            except (aiohttp.ClientError, TimeoutError, OSError, AssertionError):
                failed[what] += 1
        await asyncio.sleep(0.5)
    return {
        what: {
            "answered": len(found),
            "failed": failed[what],
            "p50_ms": round(statistics.median(found), 1) if found else None,
            "max_ms": round(max(found), 1) if found else None,
        }
        for what, found in waits_ms.items()
    }


async def _health(url: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url + "healthz", headers=_by(HONEST)) as answer,
    ):
        assert answer.status == 200


async def _join(url: str) -> None:
    token = make_token(SECRET.encode(), audience="voicebot", now_s=time.time(), ttl_s=60)
    # A new address each time, as one address may not try that often.
    source = _by(f"198.51.100.{random.randrange(256)}")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + "signal", headers=source) as page,
    ):
        await page.send_json({"type": "join", "version": 1, "access_token": token})
        assert (await page.receive_json(timeout=10))["code"] == "not_ready"


# --- attackers ------------------------------------------------------------------------------------------------------


async def _http_from(address: Callable[[], str], url: str, got: Counter[str]) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with session.get(url, headers=_by(address())) as answer:
                    await answer.read()
                    got[str(answer.status)] += 1


async def _joins_from(address: Callable[[], str], url: str, got: Counter[str]) -> None:
    forged = make_token(b"x" * 32, audience="voicebot", now_s=time.time(), ttl_s=60)
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.ws_connect(url + "signal", headers=_by(address())) as page:
                    await page.send_json({"type": "join", "version": 1, "access_token": forged})
                    got[(await page.receive_json(timeout=10))["code"]] += 1
            except aiohttp.WSServerHandshakeError as refused:
                got[str(refused.status)] += 1
            except (aiohttp.ClientError, OSError, TypeError, TimeoutError):
                got["broken"] += 1


async def _silent_pages(url: str, got: Counter[str]) -> None:
    """WebSockets that say nothing, as many as one address gets."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.ws_connect(url + "signal", headers=_by("203.0.113.5")) as page:
                    got["open"] += 1
                    await page.receive()
            except aiohttp.WSServerHandshakeError as refused:
                got[str(refused.status)] += 1
                await asyncio.sleep(0.05)
            except (aiohttp.ClientError, OSError):
                got["broken"] += 1


async def _slow_loris(url: str, got: Counter[str]) -> None:
    """A request that never ends, a byte at a time."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    while True:
        began_s = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ")
            got["open"] += 1
            while not reader.at_eof():
                writer.write(b"a")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1024), 0.5)
            writer.close()
        except OSError:
            got["broken"] += 1
        got["cut off within s, most"] = max(got["cut off within s, most"], round(time.monotonic() - began_s))
        await asyncio.sleep(0.05)


async def _nothing(url: str, got: Counter[str]) -> None:
    await asyncio.Event().wait()


ATTACKS: dict[str, tuple[int, Attack]] = {
    "nothing": (0, _nothing),
    "HTTP, one address": (FLOODERS, lambda url, got: _http_from(lambda: "203.0.113.5", url, got)),
    "HTTP, any address": (FLOODERS, lambda url, got: _http_from(_anybody, url, got)),
    "forged tokens, one address": (FLOODERS, lambda url, got: _joins_from(lambda: "203.0.113.5", url, got)),
    "forged tokens, any address": (FLOODERS, lambda url, got: _joins_from(_anybody, url, got)),
    "silent WebSockets, one address": (FLOODERS, _silent_pages),
    "slow-loris": (DRIPPING, _slow_loris),
}


def _attack(name: str, url: str, until_s: float, results: Connection) -> None:
    """The attackers' process."""
    got: Counter[str] = Counter()

    async def main() -> None:
        count, attack = ATTACKS[name]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(until_s - time.monotonic()), asyncio.TaskGroup() as group:
                for _ in range(max(1, count)):
                    group.create_task(_to_end(attack(url, got)))

    asyncio.run(main())
    results.send(dict(got))


async def _to_end(attack: Awaitable[None]) -> None:
    await attack


async def _measure(front: str, name: str, seconds: float) -> dict[str, Any]:
    async with _running(front) as (url, process):
        await _caller(url, time.monotonic() + 1)  # so that nothing is done for the first time
        if name == "slow-loris":
            seconds = max(seconds, ACCESS.limits.request_timeout_s + 5)
        before, cpu = process.memory_info().rss, sum(process.cpu_times()[:2])
        until_s = time.monotonic() + seconds
        here, there = multiprocessing.Pipe()
        attackers = multiprocessing.Process(target=_attack, args=(name, url, until_s, there))
        attackers.start()
        began_s = time.monotonic()
        caller = await _caller(url, until_s)
        lasted_s = time.monotonic() - began_s
        cpu = sum(process.cpu_times()[:2]) - cpu
        got = await asyncio.to_thread(lambda: here.recv() if here.poll(30) else {})
        attackers.join(10)
        attackers.kill()
        after = process.memory_info().rss
        await asyncio.sleep(ACCESS.limits.request_timeout_s + 2)
        return {
            "attack": name,
            "attackers_got": got,
            "per_s": round(sum(count for what, count in got.items() if "most" not in what) / lasted_s),
            "caller": caller,
            "front_cpu": round(cpu / lasted_s, 2),
            "front_rss_mb": [round(before / 1e6, 1), round(after / 1e6, 1)],
            "sockets_afterwards": len(process.net_connections())
            if hasattr(process, "net_connections")
            else None,
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--front", choices=["webrtc", "mediasoup"], default="webrtc")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--attack", choices=list(ATTACKS), action="append", help="only this; by default all")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    results = []
    for name in options.attack or ATTACKS:
        result = asyncio.run(_measure(options.front, name, options.seconds))
        results.append(result)
        click.echo(f"{name}: {result['per_s']}/s {result['attackers_got']}")
        click.echo(
            f"  front: {result['front_cpu']:.0%} of a core, {result['front_rss_mb']} MB, "
            f"{result['sockets_afterwards']} sockets afterwards"
        )
        for what, fared in result["caller"].items():
            click.echo(f"  caller, {what}: {fared}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
