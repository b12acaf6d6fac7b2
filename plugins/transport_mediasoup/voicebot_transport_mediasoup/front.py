"""The SFU as a part of voicebot: started, watched, started again, stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from voicebot.access.door import Door, used_tokens_folder
from voicebot.access.secrets import call_secrets
from voicebot.access.settings import AccessSettings
from voicebot.clock import now
from voicebot.errors import EngineError
from voicebot.interfaces import Operations
from voicebot.link.settings import socket_path
from voicebot_transport_mediasoup.backoff import Backoff
from voicebot_transport_mediasoup.config import MediasoupConfig
from voicebot_transport_mediasoup.process import run_sfu
from voicebot_transport_mediasoup.program import SfuProgram, find_page, find_program

__all__ = ["SfuFront", "sfu_config"]

RESTART_FIRST_S, RESTART_LONGEST_S = 0.2, 5.0
RESTARTS, RESTARTS_WITHIN_S = 5, 60.0

USER_ERROR = 2
"""The SFU's exit status where its user has to put something right."""

logger = logging.getLogger("voicebot.sfu")


class SfuFront:
    """Serves by an SFU in a process of its own.

    When it dies it is started again, after 0.2 s, then 0.4 s and so on up to 5 s; the call workers connect to the new
    one by themselves. Its log goes to the logger `voicebot.sfu`.
    """

    def __init__(
        self, config: MediasoupConfig, base_dir: Path = Path(), access: AccessSettings | None = None
    ) -> None:
        self._config = config
        self._access = access or AccessSettings()
        self._base_dir = base_dir
        self._operations: Operations | None = None

    def operate(self, operations: Operations) -> None:
        """Show this at /readyz and /metrics, too."""
        self._operations = operations

    async def serve(self, on_ready: Callable[[str], None]) -> None:
        """Serve until cancelled; then nothing of the SFU is left.

        Raises:
            AccessError: it would listen for strangers, and nothing says who may call.
            EngineError: something that it needs is missing, it ended by saying why it cannot run here, or it died
                five times within a minute.
        """
        # So that the error is in a profile's words.
        await asyncio.to_thread(Door(self._access, self._config.host, self._base_dir).prepare)
        secrets = call_secrets(self._access, self._base_dir)
        socket = socket_path(self._config, self._base_dir)
        used = used_tokens_folder(self._access, self._base_dir)
        config = sfu_config(self._config, find_page(), socket, self._access, secrets, used)
        program = await find_program(self._config.sfu, self._base_dir)

        def listening(url: str) -> None:
            # Whoever has opened the page finds it again after a restart.
            config["port"] = urlsplit(url).port or config["port"]
            on_ready(url)

        await self._keep_running(program, config, listening)

    async def _keep_running(
        self, program: SfuProgram, config: dict[str, Any], on_ready: Callable[[str], None]
    ) -> None:
        backoff = Backoff(
            first_s=RESTART_FIRST_S, longest_s=RESTART_LONGEST_S, limit=RESTARTS, within_s=RESTARTS_WITHIN_S
        )
        while True:
            ended = await run_sfu(program, config, on_ready, self._operations)
            if ended.code == USER_ERROR:
                raise EngineError(ended.said or "the SFU cannot run here; its log says why")
            delay_s = backoff.failed(now())
            how = f"signal {-ended.code}" if ended.code < 0 else f"status {ended.code}"
            if delay_s is None:
                raise EngineError(
                    f"the SFU ended again and again, at last with {how}"
                    + (f": {ended.said}" if ended.said else ""),
                    hint="Its log tells more: VOICEBOT_LOG=debug, and transport.sfu.log_level: debug.",
                )
            logger.error("the SFU ended with %s; it is started again in %g s", how, delay_s)
            await asyncio.sleep(delay_s)


def sfu_config(
    config: MediasoupConfig,
    page: Path,
    socket: Path,
    access: AccessSettings | None = None,
    secrets: Sequence[bytes] = (),
    used_tokens: Path | None = None,
) -> dict[str, Any]:
    """What the SFU is told, secrets included: for its stdin, never for a command line."""
    rtc = config.rtc.model_dump(mode="json")
    # The two exclude each other.
    del rtc["port_range" if config.rtc.port_range is None else "port"]
    turn = config.turn
    rules = (access or AccessSettings()).model_dump(
        mode="json",
        include={"open", "audience", "max_ttl_s", "leeway_s", "trusted_proxies", "limits", "max_call_s"},
    )
    return {
        "host": config.host,
        "port": config.port,
        "page_dir": str(page),
        "socket": str(socket),
        "allowed_origins": config.allowed_origins,
        "ice_servers": [server.as_dict() for server in config.ice_servers],
        "turn": turn and {"urls": turn.urls, "secret": turn.secret.get_secret_value(), "ttl_s": turn.ttl_s},
        "jitter_buffer_target_ms": config.jitter_buffer_target_ms,
        "grace_s": config.grace_s,
        "rtc": rtc,
        "access": {
            **rules,
            "secrets": [secret.decode() for secret in secrets],
            "used_tokens": used_tokens and str(used_tokens.absolute()),
        },
        "opus": {"fec": config.opus.fec, "dtx": config.opus.dtx},
        "log_level": config.sfu.log_level,
    }
