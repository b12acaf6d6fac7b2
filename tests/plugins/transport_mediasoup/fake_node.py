"""Stands in for Node.js: plays one act per start, from the file `acts` in the SFU's folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        print(Path(__file__).with_name("version").read_text())  # noqa: T201
        return
    assert sys.argv[1:] == ["src/main.js", "--config", "-"]
    starts, acts = Path("starts"), Path("acts").read_text().split("\n")
    count = len(starts.read_text().splitlines()) if starts.exists() else 0
    config = json.loads(sys.stdin.readline())
    with starts.open("a") as file:
        file.write(json.dumps(config) + "\n")
    act, _, rest = acts[min(count, len(acts) - 1)].partition(" ")
    if act == "child":
        # A process that would outlive this one; it holds the pipe `held` open.
        with Path("held").open("w") as held:
            subprocess.Popen(["sleep", "60"], stdout=held, stderr=held, stdin=subprocess.DEVNULL)
    if act == "mute" and Path("held").exists():
        held = Path("held").open("w")  # noqa: SIM115 (it is to be open until the end)
        say(held, "x")
    if act == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if act in ("serve", "child", "stubborn", "once", "hear", "hang"):
        say(sys.stderr, "2026-01-01T00:00:00.000Z info ready media_workers=2")
        say(sys.stdout, json.dumps({"ready": True, "url": f"http://127.0.0.1:{config['port'] or 4321}/"}))
    if act == "hang":
        say(sys.stdout, '{"alive": true}')
        os.kill(os.getpid(), signal.SIGSTOP)
    if act == "hear":
        Path("heard").write_text(sys.stdin.readline())
    if act in ("serve", "child", "mute", "hear"):
        sys.stdin.read()
        say(sys.stderr, "end of input")
        return
    if act == "stubborn":
        sys.stdin.read()
        signal.pause()
    if rest:
        say(sys.stderr, rest.partition(" ")[2])
    sys.exit(int(rest.partition(" ")[0] or 0))


def say(stream: object, text: str) -> None:
    print(text, file=stream, flush=True, end="" if text == "x" else "\n")  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
