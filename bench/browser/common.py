"""What the measurements share: their options, the machine they ran on, tables and files."""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.browser.support.chromium import find_chromium
from tests.browser.support.processes import Process
from tests.browser.support.server import ROOT, Server

from voicebot import __version__

__all__ = ["free_udp_port", "mean", "options", "print_table", "role", "write_result"]

BENCH = ROOT / "bench" / "browser"


def options(name: str, description: str) -> argparse.ArgumentParser:
    """The command line's options that every measurement has."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.browser.{name}", description=description)
    parser.add_argument("--transport", choices=["mediasoup", "webrtc"], default="mediasoup")
    parser.add_argument(
        "--json", type=Path, default=Path("out") / f"{name}.json", help="where the numbers go"
    )
    return parser


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows' keys are the columns."""
    table = Table(title=title, title_justify="left")
    for column in rows[0] if rows else ():
        table.add_column(column, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    # In a pipe rich thinks of 80 columns, which are too few.
    console = Console()
    console.width = max(console.width, 120)
    console.print(table)


def write_result(path: Path, settings: argparse.Namespace, result: Mapping[str, Any]) -> None:
    """Numbers without the machine that they are from say little: it is written beside them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    asked = {name: str(value) for name, value in vars(settings).items()}
    path.write_text(json.dumps({"machine": _machine(), "options": asked, **result}, indent=1) + "\n")
    Console().print(f"Written to {path}")


def free_udp_port() -> int:
    """A port that nobody has on 127.0.0.1 at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def role(process: Process, server: Server) -> str:
    """What a process of the server is there for."""
    command = process.command()
    if "mediasoup-worker" in command:
        return "mediasoup worker"
    if "src/main.js" in command:
        return "SFU (Node)"
    if process.pid == server.pid:
        return "voicebot run"
    return "call worker" if " worker " in command else "other"


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _machine() -> dict[str, Any]:
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    version = subprocess.run([find_chromium(), "--version"], capture_output=True, text=True, check=False)
    return {
        "cores": os.cpu_count(),
        "cpu": models[0].partition(":")[2].strip() if models else platform.processor(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "chromium": version.stdout.strip(),
        "voicebot": __version__,
        "load_average": os.getloadavg(),
    }


def _text(value: object) -> str:
    if value is None:
        return "-"
    return (
        f"{value:.3g}"
        if isinstance(value, float) and abs(value) < 100
        else (f"{value:.0f}" if isinstance(value, float) else str(value))
    )
