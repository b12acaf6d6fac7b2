"""The committed page is what its sources build to, byte for byte."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SFU = ROOT / "sfu"
PAGE = ROOT / "core/voicebot/page"


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def build(into: Path) -> dict[str, bytes]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (SFU / "node_modules/esbuild").is_dir():
        pytest.skip("sfu/node_modules is missing: run `npm ci` in sfu/")
    built = subprocess.run(
        [node, "client/build.mjs", str(into)],
        cwd=SFU,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return files(into)


def test_the_committed_page_is_what_its_sources_build_to(tmp_path: Path) -> None:
    built, committed = build(tmp_path / "somewhere" / "else"), files(PAGE)
    assert list(built) == list(committed)
    stale = [name for name, content in built.items() if committed[name] != content]
    assert not stale, f"stale: {', '.join(stale)}; run `npm run build` in sfu/"


def test_the_page_obeys_a_policy_without_inline_scripts_and_styles() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert re.findall(r"<script[^>]*>[^<]", html) == []


def test_the_page_needs_nothing_from_elsewhere_and_all_it_names_is_there() -> None:
    html, css = (
        (PAGE / "index.html").read_text(encoding="utf-8"),
        (PAGE / "page.css").read_text(encoding="utf-8"),
    )
    named = re.findall(r'(?:src|href)="([^"]+)"', html) + re.findall(r"url\(([^)]+)\)", css)
    assert "page.js" in named
    assert [name for name in named if not (PAGE / name).is_file()] == []
    # The script names the worklet itself.
    assert '"playout-meter.js"' in (PAGE / "page.js").read_text(encoding="utf-8")
    assert (PAGE / "playout-meter.js").is_file()


def test_every_package_in_the_bundle_has_its_licence_beside_it() -> None:
    licences = (PAGE / "LICENSES.txt").read_text(encoding="utf-8")
    assert re.search(r"^mediasoup-client \d+\.\d+\.\d+ \(ISC\)$", licences, re.MULTILINE)


def test_nothing_of_the_building_machine_is_in_the_bundle() -> None:
    for name, content in files(PAGE).items():
        assert str(ROOT).encode() not in content, name
        assert b"node_modules" not in content, name
