"""The operator's page on its port: asyncio and h11, one request a connection."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable

import h11

from voicebot.clock import now
from voicebot.errors import VoicebotError
from voicebot.operating.guard import Guard
from voicebot.operating.settings import OperatorSettings
from voicebot.operating.site import HEADERS, LARGEST_BODY, Answer, Request, Shown, Site, Watch
from voicebot.tasks import task_group

__all__ = ["serve_operator"]

CONNECTIONS = 32
"""At once; beyond, they are closed unread."""
REQUEST_S = 10.0
"""For a request to come, or an answer to leave."""
LOOK_EVERY_S = 1.0
"""How often a watcher's picture is looked at for changes."""
STILL_HERE_S = 15.0
"""So often something is sent to whoever watches, for proxies on the way."""

_log = logging.getLogger(__name__)


async def serve_operator(settings: OperatorSettings, shown: Shown, on_ready: Callable[[str], None]) -> None:
    """Serve the page until cancelled. Whatever goes wrong with a request, the calls go on.

    Args:
        on_ready: called with the page's address when it listens.

    Raises:
        VoicebotError: the port is taken, or cannot be had.
    """
    site = Site(Guard(settings), shown)
    peers: set[_Peer] = set()
    async with task_group(cancel_on_exit=True) as group:

        def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(peers) >= CONNECTIONS:
                writer.transport.abort()
                return
            peer = _Peer(site, shown, reader, writer)
            peers.add(peer)
            group.create_task(peer.run(), name="operator").add_done_callback(lambda _: peers.discard(peer))

        try:
            server = await asyncio.start_server(met, settings.host, settings.port)
        except (OSError, UnicodeError) as error:  # the latter: what no host can be called
            why = getattr(error, "strerror", None) or error
            raise VoicebotError(
                f"the operator's page cannot be served at {settings.host}:{settings.port}: {why}",
                hint="Set operator.host to an address of this machine, and operator.port to one that no other program "
                "has, or to 0 for any.",
            ) from error
        try:
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            on_ready(f"http://{host}:{server.sockets[0].getsockname()[1]}/")
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()


class _Peer:
    """One connection, with one request."""

    def __init__(
        self, site: Site, shown: Shown, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._site, self._shown = site, shown
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER)
        self._bodiless = False
        """It is asked by HEAD."""

    async def run(self) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                answer = await self._answer()
                if isinstance(answer, Answer):
                    await self._send(answer)
                    self._writer.close()
                    await self._writer.wait_closed()
            if isinstance(answer, Watch):
                await self._watch()
        except (OSError, h11.ProtocolError):
            pass  # gone, or too slow
        except Exception:
            _log.exception("the operator's page failed")
        finally:
            self._writer.transport.abort()

    async def _answer(self) -> Answer | Watch:
        try:
            request = await self._read()
        except h11.RemoteProtocolError as error:
            return Answer(error.error_status_hint, b"That is no request.\n")
        if request is None:
            return Answer(413, b"That is too long.\n")
        return self._site.answer(request)

    async def _read(self) -> Request | None:
        """The request; None where its body is too long."""
        head: h11.Request | None = None
        body = b""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(65_536))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LARGEST_BODY:
                    return None
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers: dict[str, str] = {}
                for name, value in head.headers:
                    headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
                method, path = head.method.decode("latin-1"), head.target.decode("latin-1")
                self._bodiless = method == "HEAD"
                return Request(method, path, headers, body)
            else:
                raise ConnectionResetError  # it closed without a request

    async def _send(self, answer: Answer) -> None:
        headers = {"Content-Length": str(len(answer.body))} if answer.status != 204 else {}
        if answer.body:
            headers["Content-Type"] = answer.kind
        self._begin(answer.status, headers | dict(answer.headers))
        if answer.body and not self._bodiless:
            self._write(h11.Data(data=answer.body))
        self._write(h11.EndOfMessage())
        await self._writer.drain()

    async def _watch(self) -> None:
        self._begin(200, {"Content-Type": "text/event-stream"})
        told, told_s = "", now()
        while True:
            picture = json.dumps(self._shown.picture())
            if picture != told:
                data = f'data: {{"now_unix_s": {time.time():.1f}, "picture": {picture}}}\n\n'
            elif now() - told_s >= STILL_HERE_S:
                data = ": still here\n\n"
            else:
                data = ""
            if data:
                self._write(h11.Data(data=data.encode()))
                told, told_s = picture, now()
                async with asyncio.timeout(REQUEST_S):
                    await self._writer.drain()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._reader.read(1)
                return  # it has gone, or wants more than one connection gives
            except TimeoutError:
                pass

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        every = {**HEADERS, **headers, "Connection": "close"}
        self._write(h11.Response(status_code=status, headers=list(every.items())))

    def _write(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")
