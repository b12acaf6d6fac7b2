"""Settings that are models within a plugin's settings, by those of the mediasoup transport."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voicebot.errors import ProfileError
from voicebot.profile import load_profile, resolve
from voicebot.profile.nodes import Node, Place
from voicebot.profile.problems import explain
from voicebot.profile.schema import profile_schema


@pytest.fixture
def mediasoup_file(profile_file: Path) -> Path:
    text = profile_file.read_text().replace(
        "transport: demo", "transport:\n  use: mediasoup\n  rtc: {port: 40100}"
    )
    profile_file.write_text(text)
    return profile_file


def error(file: Path, environ: dict[str, str]) -> str:
    with pytest.raises(ProfileError) as caught:
        resolve(load_profile(file, environ=environ))
    return str(caught.value)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("sfu:\n    nod: x", "agent.yaml:12: transport.sfu.nod: is not a known key; did you mean 'node'?"),
        (
            "jitter:\n    max_wait_ms: 10\n    stal_ms: 30",
            "agent.yaml:13: transport.jitter.stal_ms: is not a known key; did you mean 'stall_ms'?",
        ),
        (
            "opus: {zzzzzz: 1}",
            "opus.zzzzzz: is not a known key; known: bitrate, complexity, dtx, expected_loss_percent, fec",
        ),
        (
            "ice_servers:\n    - urls: stun:a:1\n    - ulrs: stun:b:1",
            "agent.yaml:13: transport.ice_servers.1.ulrs: is not a known key; did you mean 'urls'?",
        ),
        (
            "ice_servers: [{}]",
            "agent.yaml:11: transport.ice_servers.0.urls: is required",
        ),
        (
            "turn: {urls: ['turn:a'], secert: hunter22}",
            "agent.yaml:11: transport.turn.secert: is not a known key; did you mean 'secret'?",
        ),
        (
            "turn: {urls: ['turn:a'], secret: 12345678}",
            "agent.yaml:11: transport.turn.secret: should be text",
        ),
        ("sfu: {connect_timeout_s: soon}", "transport.sfu.connect_timeout_s: should be a number, not 'soon'"),
        (
            "sfu.node: x",
            "agent.yaml:11: transport.sfu.node: is not a known key; did you mean 'node' within 'sfu'?",
        ),
        (
            "sfu_node: x",
            "agent.yaml:11: transport.sfu_node: is not a known key; did you mean 'node' within 'sfu'?",
        ),
    ],
)
def test_a_mistake_within_a_mapping(mediasoup_file: Path, lines: str, said: str) -> None:
    mediasoup_file.write_text(f"{mediasoup_file.read_text()}  {lines}\n")
    message = error(mediasoup_file, {})
    assert said in message
    assert "12345678" not in message
    assert "hunter22" not in message


def test_a_variable_for_a_nested_key(mediasoup_file: Path) -> None:
    environ = {
        "VOICEBOT_TRANSPORT__RTC__PORT": "41000",
        "VOICEBOT_TRANSPORT__SFU__START": "true",
        "VOICEBOT_TRANSPORT__ICE_SERVERS": '[{"urls": "stun:a:1"}]',
    }
    config: Any = resolve(load_profile(mediasoup_file, environ=environ)).section("transport").config
    assert (config.rtc.port, config.sfu.start) == (41000, True)
    assert [server.urls for server in config.ice_servers] == ["stun:a:1"]
    config = resolve(load_profile(mediasoup_file, environ={})).section("transport").config
    assert config.rtc.port == 40100


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TRANSPORT__RTC__PROT", "transport.rtc.prot: is not a known key; did you mean 'port'?"),
        ("TRANSPORT__RCT__PORT", "transport.rct: is not a known key; did you mean 'rtc'?"),
        ("TRANSPORT__SFU_NODE", "transport.sfu_node: is not a known key; did you mean 'node' within 'sfu'?"),
        ("TRANSPORT__RTC__PORT", "transport.rtc.port: should be a whole number"),
        ("TRANSPORT__RTC", "transport.rtc: should be a mapping"),
    ],
)
def test_a_wrong_variable_for_a_nested_key(mediasoup_file: Path, name: str, said: str) -> None:
    message = error(mediasoup_file, {f"VOICEBOT_{name}": "hunter22"})
    assert f"VOICEBOT_{name}: {said}" in message
    assert "hunter22" not in message


class Round(BaseModel):
    model_config = ConfigDict(extra="forbid")
    shape: Literal["round"]
    radius: int


class Square(BaseModel):
    model_config = ConfigDict(extra="forbid")
    shape: Literal["square"]
    side: int


class Board(BaseModel):
    model_config = ConfigDict(extra="forbid")
    named: dict[str, Round] = {}
    pieces: list[Annotated[Round | Square, Field(discriminator="shape")]] = []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"named": {"a": {"shape": "round", "radius": 1, "raduis": 2}}}, "did you mean 'radius'?"),
        ({"pieces": [{"shape": "square", "side": 1, "sied": 2}]}, "did you mean 'side'?"),
    ],
)
def test_right_names_within_free_keys_and_union_members(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Board.model_validate(data)
    (problem,) = explain(caught.value, Board, Node({}, Place()))
    assert problem.message.endswith(f": is not a known key; {said}")


BASE = dict.fromkeys(("vad", "stt", "llm", "tts"), "demo")


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"rtc": {"port": 41000}, "ice_servers": [{"urls": ["stun:a:1"]}]}, True),
        ({"rtc": {"port": "${PORT}", "port_range": None}, "sfu": {"log_level": "${LEVEL}"}}, True),
        ({"rtc": {"port_range": ["${LOW}", 40200]}}, True),
        ({"turn": {"urls": ["${URL}"], "secret": "${SECRET}", "ttl_s": "${TTL}"}}, True),
        ({"rtc": {"prot": 41000}}, False),
        ({"rtc": {"port": "high"}}, False),
        ({"rtc": {"port_range": [1, "high"]}}, False),
        ({"sfu": {"log_level": "loud"}}, False),
        ({"turn": {"urls": ["http://a"], "secret": "s"}}, False),
        ({"turn": {"urls": ["turn:a"]}}, False),
        ({"ice_servers": [{"ulrs": "stun:a:1"}]}, False),
    ],
)
def test_the_schema_has_the_nested_models(demo: Path, settings: dict[str, Any], fits: bool) -> None:
    validator = jsonschema.Draft202012Validator(profile_schema())
    profile = BASE | {"transport": {"use": "mediasoup", **settings}}
    assert validator.is_valid(profile) is fits


def test_the_schema_tells_defaults_that_factories_make(demo: Path) -> None:
    definitions = profile_schema()["$defs"]
    assert definitions["transport.mediasoup"]["properties"]["rtc"]["default"]["port"] == 40_000
    assert definitions["transport.mediasoup"]["properties"]["ice_servers"]["default"] == []
