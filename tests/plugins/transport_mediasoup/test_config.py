from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from voicebot.access.settings import AccessSettings
from voicebot_transport_mediasoup import MediasoupConfig
from voicebot_transport_mediasoup.front import sfu_config

README = Path(__file__).parents[3] / "plugins" / "transport_mediasoup" / "README.md"


def told(**settings: Any) -> dict[str, Any]:
    return sfu_config(MediasoupConfig.model_validate(settings), Path("/page"), Path("/run/sfu.sock"))


def test_what_the_sfu_is_told_of_who_may_call() -> None:
    settings = AccessSettings.model_validate({"trusted_proxies": ["10.0.0.1"], "limits": {"sockets": 7}})
    config = sfu_config(MediasoupConfig(), Path("/page"), Path("/s"), settings, (b"one", b"two"))["access"]
    assert config.pop("limits") == AccessSettings().limits.model_dump() | {"sockets": 7}
    assert config == {
        "secrets": ["one", "two"],
        "open": False,
        "audience": "voicebot",
        "max_ttl_s": 3600,
        "leeway_s": 5,
        "used_tokens": None,
        "trusted_proxies": ["10.0.0.1/32"],
        "max_call_s": 3600,
    }


def test_what_the_sfu_is_told_by_default() -> None:
    config = told()
    assert config.pop("access")["secrets"] == []
    assert config == {
        "host": "127.0.0.1",
        "port": 8080,
        "page_dir": "/page",
        "socket": "/run/sfu.sock",
        "allowed_origins": [],
        "ice_servers": [],
        "turn": None,
        "jitter_buffer_target_ms": 40,
        "grace_s": 10,
        "rtc": {"listen_ip": "127.0.0.1", "announced_address": None, "port": 40_000, "media_workers": None},
        "opus": {"fec": True, "dtx": True},
        "log_level": "info",
    }


def test_what_it_is_told_of_all_the_rest() -> None:
    config = told(
        turn={"urls": ["turn:turn.example.org"], "secret": "s3cret"},
        ice_servers=[
            {"urls": "stun:stun.example.org"},
            {"urls": ["turn:t"], "username": "u", "credential": "c"},
        ],
        rtc={"port_range": [40_000, 40_100], "media_workers": 2},
    )
    assert config["turn"] == {"urls": ["turn:turn.example.org"], "secret": "s3cret", "ttl_s": 3600}
    assert config["ice_servers"][0] == {"urls": "stun:stun.example.org"}
    # `port` and `port_range` exclude each other.
    assert config["rtc"] == {
        "listen_ip": "127.0.0.1",
        "announced_address": None,
        "port_range": [40_000, 40_100],
        "media_workers": 2,
    }


def test_the_secret_is_not_shown() -> None:
    config = MediasoupConfig.model_validate({"turn": {"urls": ["turn:t"], "secret": "s3cret"}})
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"port": 65_536}, "port"),
        ({"port": True}, "port"),
        ({"typo": 1}, "typo"),
        ({"allowed_origins": ["https://example.org/path"]}, "allowed_origins"),
        ({"ice_servers": [{"urls": "https://example.org"}]}, "ice_servers"),
        ({"turn": {"urls": ["stun:example.org"], "secret": "x"}}, "turn"),
        ({"turn": {"urls": ["turn:example.org"], "secret": ""}}, "secret"),
        ({"rtc": {"port": 1, "port_range": [1, 2]}}, "exclude"),
        ({"rtc": {"port_range": [2, 1]}}, "lowest"),
        ({"rtc": {"port": 65_535, "media_workers": 2}}, "too high"),
        ({"sfu": {"start": False}}, "socket"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        MediasoupConfig.model_validate(settings)


def test_the_readmes_examples_are_valid() -> None:
    examples = [
        yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    ]
    assert len(examples) >= 2
    for example in examples:
        settings = {key: value for key, value in example["transport"].items() if key != "use"}
        MediasoupConfig.model_validate(settings)
