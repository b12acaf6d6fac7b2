"""Whether there is anything to do; OpenTelemetry is not imported where there is not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from voicebot.errors import VoicebotError

if TYPE_CHECKING:
    from voicebot_hooks_opentelemetry.tracing import Tracing

__all__ = ["plugin"]

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def plugin(environ: Mapping[str, str] = os.environ) -> Tracing | None:
    """The plugin, where the environment names a collector; else None.

    Raises:
        VoicebotError: OpenTelemetry is not installed.
    """
    if not any(environ.get(name, "").strip() for name in ENDPOINTS) or _is_off(environ):
        return None
    try:
        from voicebot_hooks_opentelemetry.exporting import tracer_provider
        from voicebot_hooks_opentelemetry.tracing import Tracing
    except ImportError as error:
        raise VoicebotError(
            f"a collector is set, but OpenTelemetry is not installed ({error})",
            hint="Run: pip install 'voicebot-kit[otel]'",
        ) from error
    return Tracing(tracer_provider(), transcripts=_flag(environ, "VOICEBOT_OTEL_TRANSCRIPTS"))


def _is_off(environ: Mapping[str, str]) -> bool:
    # The standard's own switches.
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return exporter == "none" or _flag(environ, "OTEL_SDK_DISABLED")


def _flag(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() in ("1", "true")
