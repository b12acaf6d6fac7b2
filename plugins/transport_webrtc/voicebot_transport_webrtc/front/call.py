"""What the front knows of one call."""

from __future__ import annotations

from dataclasses import dataclass, field

from voicebot.access.addresses import Caller
from voicebot.link.messages import IceServer
from voicebot_transport_webrtc.front.page import Page
from voicebot_transport_webrtc.front.worker import Worker

__all__ = ["Call"]


@dataclass(eq=False)
class Call:
    call_id: str
    token: str
    worker: Worker
    page: Page | None
    ice_servers: list[IceServer]
    caller: Caller
    ends_by_s: float | None
    """When it has lasted for too long, whatever its worker does; None: never."""
    media_by_s: float | None
    """When it ends without a media path; None once there was one."""
    resume_by_s: float | None = None
    """When it ends without a page; None while it has one."""
    claimant: Page | None = None
    """Another connection that wants it, while the present one is asked for a sign of life."""
    claimed_s: float = 0.0
    requests: dict[int, tuple[Page, int]] = field(default_factory=dict)
    """Those a worker has not answered: who asked, and by which number."""
    request_count: int = 0
    last_state: dict[str, object] | None = None
    """The last `state_changed`, for a page that comes back."""
