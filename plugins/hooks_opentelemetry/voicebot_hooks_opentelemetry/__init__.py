"""Traces of calls, turns and hops by OpenTelemetry: the hook plugin `otel`."""

from voicebot_hooks_opentelemetry.plugin import plugin

__all__ = ["plugin"]
