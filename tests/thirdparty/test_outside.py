"""Plugins from outside, built and installed: they are listed, checked, tested, and talk."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.thirdparty.outside import MORSE, Outside, package

from voicebot.audio import first_audible
from voicebot.interfaces import KINDS
from voicebot.scaffold import SCAFFOLDED, write_package
from voicebot.testing import tone

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
BUILD_EDITABLE = """
import os, sys
from hatchling.build import build_editable
for folder in sys.argv[1:]:
    os.chdir(folder)
    build_editable("..")
"""
CHECK_ALL = """
import sys
from voicebot.cli import main
sys.exit(max(main(["check", "-p", profile]) for profile in sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """A fresh environment, with `tiny` plugins of every kind and the tutorial's `stt: demo` as `voicebot plugins new`
    writes them, installed in editable mode, and `voicebot-morse` as users install it.

    It sees the packages of the environment that the tests run in; nothing is downloaded.
    """
    made = Outside(tmp_path_factory.mktemp("outside"))
    venv.create(made.folder / "venv", with_pip=False, symlinks=True)
    (site,) = (made.folder / "venv" / "lib").glob("python*/site-packages")
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "ours.pth").write_text(
        "".join(f"import site; site.addsitedir({path!r})\n" for path in sorted(ours))
    )
    made.run("voicebot", "plugins", "new", "stt", "demo")
    for kind in SCAFFOLDED:
        write_package(kind, "tiny", made.folder)
    # Their build backend does in one process what pip would start it for three times a package.
    made.script("build_editable", BUILD_EDITABLE, *(made.folder / package(kind) for kind in SCAFFOLDED))
    tiny = sorted(made.folder.glob("*.whl"))
    assert len(tiny) == len(SCAFFOLDED)
    offline = ("--quiet", "--no-deps", "--no-build-isolation")
    made.run("pip", "install", *offline, *tiny, MORSE, "--editable", f"./{package('stt', 'demo')}")
    return made


def agent(**sections: str) -> str:
    """A profile: `tiny` of every kind, but for these sections."""
    return "".join(f"{kind}: {sections.get(kind, 'tiny')}\n" for kind in KINDS)


def question(file: Path) -> Path:
    """Two bursts of sound, and quiet."""
    pause = np.zeros(3_200, np.int16)
    soundfile.write(file, np.concatenate([pause, tone(0.5), pause, tone(0.5), pause]), 16_000)
    return file


def call(outside: Outside, profile: Path, spoken: Path) -> tuple[dict[str, Any], str]:
    """The report of a call, and what was logged."""
    arguments = ("--profile", profile, "--input", spoken, "--output", spoken.with_suffix(".answer.wav"))
    done = outside.run(
        "voicebot", "call", *arguments, "--fast", "--quiet", "--json", "-", VOICEBOT_LOG="info"
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report, done.stderr


def test_they_are_listed(outside: Outside) -> None:
    listed = json.loads(outside.run("voicebot", "plugins", "list", "--json").stdout)
    found = {(info["kind"], info["name"]): info["distribution"] for info in listed if not info["problem"]}
    assert {(kind, "tiny"): package(kind) for kind in SCAFFOLDED}.items() <= found.items()
    assert found["stt", "morse"] == found["tts", "morse"] == "voicebot-morse"


def test_their_own_tests_pass(outside: Outside) -> None:
    folders = [outside.folder / package(kind) / "tests" for kind in SCAFFOLDED]
    # In one process, for the sake of time.
    options = ("-p", "no:cacheprovider", "-W", "error", "--import-mode=importlib", "-c", os.devnull)
    done = outside.run("pytest", *options, *folders, MORSE / "tests")
    assert "failed" not in done.stdout
    assert "error" not in done.stdout


def test_the_profiles_that_come_with_them_are_right(outside: Outside) -> None:
    profiles = [outside.folder / package(kind) / "profile.yaml" for kind in SCAFFOLDED]
    said = outside.script("check_all", CHECK_ALL, *profiles).stdout
    chosen = {tuple(line.split()[:2]) for line in said.splitlines() if " tiny " in line}
    assert chosen == {(kind, "tiny") for kind in KINDS}
    assert said.count("\nReady.") == len(SCAFFOLDED)


def test_the_tutorial_does_what_it_says(outside: Outside, tmp_path: Path) -> None:
    folder = outside.folder / package("stt", "demo")
    edited = 0
    for file, old, new in edits():
        text = (folder / file).read_text()
        assert text.count(old) == 1, f"{file} does not have\n{old}"
        (folder / file).write_text(text.replace(old, new))
        edited += sum(line not in old for line in new.splitlines())
    assert edited <= 10
    outside.run("pytest", "-p", "no:cacheprovider", cwd=folder)
    profile = tmp_path / "agent.yaml"
    profile.write_text(agent(stt="demo"))
    report, _ = call(outside, profile, question(tmp_path / "question.wav"))
    assert [turn["user_text"] for turn in report["turns"] if turn["user_text"]] == ["dah dah"]


def edits() -> Iterator[tuple[str, str, str]]:
    """The page's changes: the file, the lines as they are, the lines as they become."""
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    (diff,) = re.findall(r"```diff\n(.*?)```", page, re.DOTALL)
    for file, body in re.findall(r"^--- (\S+)\n((?:[ +-](?!-- ).*\n)+)", diff, re.MULTILINE):
        old, new = (
            "".join(line[1:] + "\n" for line in body.splitlines() if line[0] in kept) for kept in (" -", " +")
        )
        yield file, old, new


def test_all_of_them_hold_a_call(outside: Outside, tmp_path: Path) -> None:
    profile = tmp_path / "agent.yaml"
    profile.write_text(agent())
    spoken = question(tmp_path / "question.wav")
    report, log = call(outside, profile, spoken)
    (turn,) = (turn for turn in report["turns"] if turn["user_text"])
    assert (turn["user_text"], turn["agent_text"]) == ("2 bursts", "Please go on.")
    assert report["errors"] == []
    assert f"call {report['call']['id']}: {len(report['turns'])} turns, the slowest answer took" in log
    answer, _ = soundfile.read(spoken.with_suffix(".answer.wav"), dtype="int16")
    assert first_audible(answer) is not None


def test_an_agent_hears_morse_code_and_answers_in_it(outside: Outside, tmp_path: Path) -> None:
    profile = tmp_path / "agent.yaml"
    profile.write_text(agent(stt="{use: morse, dit_ms: 30}", tts="{use: morse, dit_ms: 30}"))
    spoken = tmp_path / "spoken.wav"
    outside.run("voicebot_morse", "write", "HELLO", spoken, DIT_MS="30")
    report, _ = call(outside, profile, spoken)
    assert [turn["user_text"] for turn in report["turns"] if turn["user_text"]] == ["HELLO"]
    read = outside.run("voicebot_morse", "read", spoken.with_suffix(".answer.wav"), DIT_MS="30")
    assert read.stdout == "PLEASE GO ON.\n"


def test_the_transport_takes_calls_from_voicebot_run(outside: Outside, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    profile = tmp_path / "agent.yaml"
    profile.write_text(agent(transport=f"{{use: tiny, port: {port}}}"))

    async def talk() -> bytes:
        command = (outside.python, "-m", "voicebot", "run", "--quiet", "--profile", profile)
        serving = await asyncio.create_subprocess_exec(*command, env=outside.environ, cwd=tmp_path)
        try:
            reader, writer = await dial(port, serving)
            pcm = np.concatenate([np.zeros(8_000, np.int16), tone(0.5), np.zeros(24_000, np.int16)])
            heard = b""
            for begin in range(0, len(pcm), 320):
                writer.write(pcm[begin : begin + 320].astype("<i2").tobytes())
                await asyncio.sleep(0.02)
            async with asyncio.timeout(60):
                while not np.frombuffer(heard[: len(heard) // 2 * 2], "<i2").any():
                    heard += await reader.read(4_096)
            writer.close()
            serving.send_signal(signal.SIGINT)
            assert await serving.wait() == 0
            return heard
        finally:
            if serving.returncode is None:
                serving.kill()
                await serving.wait()

    heard = asyncio.run(talk())
    assert first_audible(np.frombuffer(heard[: len(heard) // 2 * 2], "<i2")) is not None


async def dial(
    port: int, serving: asyncio.subprocess.Process
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A call, when the worker listens."""
    async with asyncio.timeout(60):
        while serving.returncode is None:
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(0.05)
    raise EOFError("voicebot run has ended")
