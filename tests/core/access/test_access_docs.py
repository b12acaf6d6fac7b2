"""docs/access.md, as far as a machine can check it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from voicebot.access.call_limits import FAREWELL_S
from voicebot.access.door import JoinReason
from voicebot.access.settings import AccessLimits, AccessSettings
from voicebot.access.tokens import TokenReason, TokenVerifier

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")
SECRET = "a secret of 32 bytes, or of more"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def taken(token: str) -> None:
    door = TokenVerifier((SECRET.encode(),), audience="voicebot", max_ttl_s=3600, leeway_s=5)
    assert door.verify(token, time.time()).token_id


def test_a_backend_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALL_SECRET", SECRET)
    made: dict[str, Any] = {}
    (program,) = blocks("python")
    exec(program, made)
    taken(made["token"])


def test_a_backend_in_node() -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "sfu" / "node_modules" / "jose").is_dir():
        pytest.skip("no Node.js, or not the SFU's packages")
    (program,) = blocks("js")
    ended = subprocess.run(
        [node, "--input-type=module", "--eval", f"{program}\nconsole.log(token)"],
        cwd=ROOT / "sfu",
        env={"CALL_SECRET": SECRET},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    taken(ended.stdout.strip())


def test_the_profiles_are_right() -> None:
    examples = [yaml.safe_load(text) for text in blocks("yaml")]
    assert len(examples) == 3
    for example in examples:
        section = example["access"]
        if "secret" in section:
            section["secret"] = SECRET
        AccessSettings.model_validate(section)


def test_every_reason_and_every_limit_is_there_with_its_default() -> None:
    for name in {reason for kind in (TokenReason, JoinReason) for reason in _names(kind)}:
        assert re.search(rf"^\|.*`{name}`", TEXT, re.MULTILINE), name
    settings = AccessSettings().model_dump() | AccessLimits().model_dump()
    rows = dict(re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", TEXT, re.MULTILINE))
    for names, default in rows.items():
        values = [settings[name] for name in re.findall(r"`(\w+)`", names) if name in settings]
        if values:
            shown = [float(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", default)]
            assert shown[: len(values)] == values, names
    limits = [name for name in AccessLimits.model_fields if not any(f"`{name}`" in names for names in rows)]
    assert limits == []
    assert f"after {FAREWELL_S:g} s if they cannot be" in TEXT


def _names(kind: Any) -> list[str]:
    return [name for part in get_args(kind) for name in (_names(part) if get_args(part) else [part])]


def test_the_command_makes_what_the_front_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from voicebot.cli import main

    monkeypatch.setenv("CALL_SECRET", SECRET)
    engines = {"vad": "silero", "stt": "fasterwhisper", "llm": "stub", "tts": "espeak"}
    profile = tmp_path / "p.yaml"

    def written(**access: Any) -> str:
        transport = {"use": "webrtc", "host": "0.0.0.0", "port": 9000}
        profile.write_text(json.dumps({**engines, "transport": transport, "access": access}))
        return str(profile)

    def said(*options: str) -> str:
        assert main(["token", "--profile", written(secret="${CALL_SECRET}"), *options]) == 0
        return capsys.readouterr().out.strip()

    taken(said())
    door = TokenVerifier((SECRET.encode(),), audience="voicebot", max_ttl_s=3600, leeway_s=5)
    token = said("--ttl", "600", "--max-call", "90", "--label", "Ann", "--origin", "https://shop.example")
    grant = door.verify(token, time.time() + 500, "https://shop.example")
    assert (grant.label, grant.max_call_s) == ("Ann", 90)
    for options, page in (
        (("--url",), "http://localhost:9000/"),
        (("--url", "https://talk.example.org/#x"), "https://talk.example.org/"),
    ):
        address, _, token = said(*options).partition("#token=")
        assert address == page
        taken(token)
    for wrong in (
        ("--ttl", "0"),
        ("--ttl", "nan"),
        ("--ttl", "3601"),
        ("--max-call", "0"),
        ("--label", "x" * 201),
    ):
        assert main(["token", "--profile", written(secret=SECRET), *wrong]) == 2
        assert wrong[0] in capsys.readouterr().err
    assert main(["token", "--profile", written()]) == 2
    assert "access.secret is not set" in capsys.readouterr().err
    assert main(["token", "--profile", written(secret="short")]) == 2
    assert "too short" in capsys.readouterr().err


def test_a_public_front_without_a_secret_is_refused_by_both_transports(tmp_path: Path) -> None:
    from voicebot.access.secrets import AccessError
    from voicebot_transport_mediasoup.config import MediasoupConfig
    from voicebot_transport_mediasoup.front import SfuFront
    from voicebot_transport_webrtc import WebRtcConfig
    from voicebot_transport_webrtc.provider import WebRtcFront

    settings = {"host": "0.0.0.0", "port": 0, "socket": tmp_path / "s"}
    for front in (
        WebRtcFront(WebRtcConfig.model_validate(settings), tmp_path),
        SfuFront(MediasoupConfig.model_validate(settings), tmp_path),
    ):
        with pytest.raises(AccessError, match=r"transport\.host is 0\.0\.0\.0"):
            asyncio.run(front.serve(lambda url: None))
