"""The call-worker link: how a front hands calls to the processes that hold them (sfu/PROTOCOL.md)."""

from voicebot.link.errors import LinkError
from voicebot.link.worker import LinkedCall, Request, WorkerLink

__all__ = ["LinkError", "LinkedCall", "Request", "WorkerLink"]
