"""`voicebot doctor`: what first-time deployers forget."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from voicebot.doctor import Finding

__all__ = ["doctor"]

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command()
@click.option("--profile", "-p", default="local", show_default=True, help="A profile's file or name.")
@click.option(
    "--url", default="", metavar="URL", help="Where people open the page, as https://voice.example.org."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(profile: str, url: str, as_json: bool) -> None:
    """Look for what keeps a deployment from being heard, and say how to mend it.

    Checks packages, models, the SFU, the servers that the profile names (reachable, key, model, voice), the clock,
    cores, memory, folders, ports, the address that pages are told, STUN and TURN, and with --url the page itself:
    certificate, WebSocket, metrics. Nothing is changed, fetched or built.

    Exit code: 0 nothing is broken (there may be warnings); 1 something is.

    \b
    Examples:
      voicebot doctor --profile prod
      voicebot doctor --profile prod --url https://voice.example.org
      voicebot doctor --profile local --json
    """
    from voicebot.cli.calm import calm_engine_libraries

    calm_engine_libraries()
    findings = _examine(profile, url)
    if as_json:
        click.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        _print(findings)
    if any(finding.level == "fail" for finding in findings):
        raise click.exceptions.Exit(1)


def _examine(profile: str, url: str) -> list[Finding]:
    import asyncio

    from voicebot.doctor import Finding, Patient, examine
    from voicebot.errors import VoicebotError
    from voicebot.models import ModelStore
    from voicebot.profile import load_profile, resolve

    if url and not url.startswith(("https://", "http://")):
        raise click.BadParameter("it begins with https://", param_hint="--url")
    try:
        resolved = resolve(load_profile(profile))
    except VoicebotError as error:
        return [Finding("profile", "fail", error.message, error.hint)]
    store = ModelStore(base_dir=resolved.profile.base_dir)
    file = Finding("profile", "ok", str(resolved.profile.file))
    return [file, *asyncio.run(examine(Patient(resolved, store, url)))]


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("check", no_wrap=True)
    table.add_column("level", no_wrap=True)
    table.add_column("what", overflow="fold")
    for finding in findings:
        what = Text(finding.what)
        if finding.do:
            what.append(f"\n→ {finding.do}", style="bold" if finding.level == "fail" else "")
        table.add_row(Text(finding.check), Text(finding.level, style=STYLES[finding.level]), what)
    console.print(table)
    counts = Counter(finding.level for finding in findings)
    console.print(f"\n{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} broken")
