"""Who may call, as the front will decide it."""

from __future__ import annotations

from collections.abc import Iterable

from voicebot.access.door import Door
from voicebot.doctor.finding import Finding, Patient, is_loopback

__all__ = ["access"]


async def access(patient: Patient) -> Iterable[Finding]:
    """Whether callers from elsewhere would be let in, and told apart."""
    front = patient.front
    if front is None:
        return []
    settings = patient.resolved.profile.access
    door = Door(settings, front.host, patient.resolved.profile.base_dir)
    if not (door.needs_token or settings.open):
        if not patient.is_public:
            return [Finding("access", "ok", "calls are for this machine only")]
        what = "callers who come through a proxy are refused: nothing says who may call"
        do = "Set access.secret, and calls need a token; or let anybody call: access: {open: true}."
        return [Finding("access", "fail", what, do)]
    if patient.is_public and is_loopback(front.host) and not settings.trusted_proxies:
        what = "all callers come with the proxy's address: the limits for one address hold for all of them"
        return [Finding("access", "warn", what, "Name the proxy: access: {trusted_proxies: [127.0.0.1]}.")]
    what = "a call needs a token" if door.needs_token else "anybody who reaches the page may call"
    return [Finding("access", "ok", what)]
