"""Looks what is installed up in the databases of known vulnerabilities: pip-audit's for Python, npm's for the SFU.

    python tests/audit.py [--required]

Both databases are on the network. One that does not answer is named, and fails only what asked for `--required`: a
machine without a way out shall still be able to check its code. What is found fails always.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Audit", "main", "read_npm", "read_pip"]

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 120
PIP = (
    sys.executable,
    "-m",
    "pip_audit",
    "--local",
    "--skip-editable",
    "--progress-spinner=off",
    "--format=json",
)
NPM = ("npm", "--prefix", "sfu", "audit", "--json")


@dataclass(frozen=True)
class Audit:
    """What one database said."""

    asked: int
    """Packages that it knows."""
    unknown: list[str] = field(default_factory=list)
    """Packages that it does not know, or was not able to answer for."""
    found: list[str] = field(default_factory=list)
    """A line for each known vulnerability."""
    silent: str = ""
    """Why nothing was answered; "" where something was."""


def read_pip(output: str) -> Audit:
    """What `pip-audit --format=json` wrote; a package of which it says nothing is `unknown`."""
    try:
        packages = json.loads(output)["dependencies"]
        unknown = sorted(package["name"] for package in packages if "skip_reason" in package)
        found = [
            f"{package['name']} {package['version']}: {flaw['id']}, "
            f"mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
            for package in packages
            for flaw in package.get("vulns", ())
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return Audit(0, silent="pip-audit gave no answer")
    asked = len(packages) - len(unknown)
    return Audit(asked, unknown, found, "" if asked else "no package was found in pip-audit's database")


def read_npm(output: str) -> Audit:
    """What `npm audit --json` wrote."""
    try:
        answer: dict[str, Any] = json.loads(output)
        if "vulnerabilities" not in answer:
            return Audit(0, silent=str(answer["message"]))
        found = [
            f"{name} {flawed['range']}: {flawed['severity']}"
            for name, flawed in answer["vulnerabilities"].items()
        ]
        return Audit(int(answer["metadata"]["dependencies"]["total"]), [], found)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Audit(0, silent="npm audit gave no answer")


def report(name: str, audit: Audit, *, required: bool) -> bool:
    """Write what was found; whether that may pass."""
    if audit.silent:
        print(f"{name}: not audited, {audit.silent}", file=sys.stderr)  # noqa: T201
        return not required
    for line in audit.found:
        print(f"{name}: {line}", file=sys.stderr)  # noqa: T201
    left_out = f", {len(audit.unknown)} unknown to it" if audit.unknown else ""
    print(f"{name}: {audit.asked} packages audited{left_out}, {len(audit.found)} known vulnerabilities")  # noqa: T201
    return not audit.found


def _output(command: Sequence[str]) -> str:
    """Its exit code says no more than its output."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Look for known vulnerabilities in what is installed.")
    parser.add_argument("--required", action="store_true", help="fail where a database does not answer")
    required = parser.parse_args(arguments).required
    passed = [
        report("Python", read_pip(_output(PIP)), required=required),
        report("npm", read_npm(_output(NPM)), required=required),
    ]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
