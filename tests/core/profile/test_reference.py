from __future__ import annotations

from pathlib import Path

from voicebot.profile.reference import profile_reference

PAGE = Path(__file__).parents[3] / "docs" / "profile-reference.md"


def test_the_page_is_current() -> None:
    """If this fails: python -m voicebot.profile.reference docs/profile-reference.md"""
    assert PAGE.read_text(encoding="utf-8") == profile_reference()


def test_the_page_has_the_keys_within_a_section() -> None:
    page = profile_reference()
    rows = [
        line for line in page.splitlines() if line.startswith(("| `rtc.port` ", "| `ice_servers[].urls` "))
    ]
    assert rows == [
        "| `ice_servers[].urls` | text or list of text | required | One or more of `stun:host:port` and "
        "`turn:host:port`. |",
        "| `rtc.port` | whole number, ≥ 0, ≤ 65535 | `40000` | All calls share this port, UDP and TCP; each further "
        "media worker takes the next one. |",
        "| `ice_servers[].urls` | text or list of text | required | One or more of `stun:host:port` and "
        "`turn:host:port`. |",
    ]
