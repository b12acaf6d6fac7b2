from __future__ import annotations

from typing import Any

import pytest
from tests.core.doctor.conftest import MakePatient
from tests.core.doctor.support import look, only

SECRET = "0123456789abcdef0123456789abcdef"
PUBLIC = {"use": "mediasoup", "rtc": {"listen_ip": "0.0.0.0", "announced_address": "8.8.8.8"}}
PROXY = ["127.0.0.1"]


@pytest.mark.parametrize(
    ("transport", "access", "level", "mend"),
    [
        ({"use": "webrtc"}, {}, "ok", ""),
        ({"use": "webrtc", "host": "0.0.0.0"}, {}, "fail", "open: true"),
        (PUBLIC, {}, "fail", "access.secret"),
        (PUBLIC, {"secret": "too short"}, "fail", "openssl rand"),
        (PUBLIC, {"secret": SECRET}, "warn", "trusted_proxies"),
        (PUBLIC, {"secret": SECRET, "trusted_proxies": PROXY}, "ok", ""),
        (PUBLIC, {"open": True, "trusted_proxies": PROXY}, "ok", ""),
    ],
)
def test_who_may_call(
    make_patient: MakePatient, transport: dict[str, Any], access: dict[str, Any], level: str, mend: str
) -> None:
    finding = only(look("access", make_patient(transport=transport, access=access)))
    assert finding.level == level
    assert mend in finding.do
    assert SECRET not in finding.what + finding.do
