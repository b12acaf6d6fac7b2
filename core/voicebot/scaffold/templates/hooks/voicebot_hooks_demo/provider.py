from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from voicebot.hooks import hookimpl

from voicebot_hooks_demo.engine import summary

_log = logging.getLogger(__name__)


class DemoHooks:
    """Logs one line for each call."""

    api_version = 1

    @hookimpl
    def voicebot_call_ended(self, call_id: str, report: Mapping[str, Any]) -> None:
        _log.info("%s", summary(call_id, report))
