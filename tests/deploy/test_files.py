"""deploy/'s files, each checked by the tool that will read it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from tests.deploy.support import DEPLOY, caddy, tools

from voicebot.profile import load_profile, resolve

ROOT = DEPLOY.parent
COMPOSE = DEPLOY / "compose" / "compose.yaml"
VARIABLES = {
    "SITE": "voice.example.org",
    "PUBLIC_ADDRESS": "203.0.113.7",
    "GROQ_API_KEY": "gsk_fake",
    "TURN_SECRET": "s3cret",
    "CALL_SECRET": "0123456789abcdef0123456789abcdef",
}


def _run(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)


def _plain(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}


# --- the profile and its variables ------------------------------------------------------------------------------------


def test_the_profile_beside_voicebots_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in [*(ROOT / "configs").glob("*.yaml"), DEPLOY / "agent.yaml"]:
        shutil.copy(file, tmp_path)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    resolved = resolve(load_profile(tmp_path / "agent.yaml"))
    transport: Any = resolved.section("transport").config
    assert transport.host == "127.0.0.1"
    assert transport.rtc.announced_address == "203.0.113.7"
    assert transport.turn.urls[0] == "turn:voice.example.org:3478?transport=udp"


@pytest.mark.parametrize("file", ["systemd/environment", "compose/env.example"])
def test_what_is_to_be_filled_in_is_what_the_profile_asks_for(file: str) -> None:
    given = set(re.findall(r"^(\w+)=", (DEPLOY / file).read_text(), re.MULTILINE))
    assert given == VARIABLES.keys()
    profiles = (DEPLOY / "agent.yaml", ROOT / "configs" / "prod.yaml")
    text = "\n".join(line for path in profiles for line in path.read_text().splitlines() if "#" not in line)
    wanted = set(re.findall(r"\$\{(\w+)\}", text)) | {"PUBLIC_ADDRESS"}
    assert wanted == given


# --- Caddy ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Caddyfile", "Caddyfile.nodes"])
def test_caddy_takes_it(name: str, tmp_path: Path) -> None:
    file = DEPLOY / name
    nodes = {"SITE": "voice.example.org", "NODES": "10.0.0.11:8080 10.0.0.12:8080"}
    own = _plain(tmp_path) | {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    arguments = ("--adapter", "caddyfile", "--config", file)
    checked = _run(caddy(), "adapt", *arguments, **own, **nodes)
    assert checked.returncode == 0, checked.stderr
    routes = json.dumps(json.loads(checked.stdout))
    for address in nodes["NODES"].split() if "nodes" in name else ["127.0.0.1:8080"]:
        assert f'"dial": "{address}"' in routes
    formatted = _run(caddy(), "fmt", file, **own)
    assert formatted.stdout == file.read_text()


# --- systemd ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    text = (DEPLOY / "systemd" / "voicebot.service").read_text()
    file = tmp_path / "voicebot.service"
    file.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text))
    return file


def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    checked = _run("systemd-analyze", "verify", unit, **_plain(tmp_path))
    assert (checked.returncode, checked.stderr) == (0, "")
    wrong = unit.with_name("wrong.service")
    wrong.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystem=strictly"))
    assert "strictly" in _run("systemd-analyze", "verify", wrong, **_plain(tmp_path)).stderr


def test_the_unit_is_hardened(unit: Path, tmp_path: Path) -> None:
    checked = _run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit, **_plain(tmp_path))
    if "nrecognized option" in checked.stderr:
        pytest.skip("this systemd judges running services only")
    match = re.search(r"Overall exposure level for \S+: ([\d.]+)", checked.stdout)
    assert match is not None, checked.stderr
    assert float(match[1]) < 2


# --- Docker Compose ---------------------------------------------------------------------------------------------------


def _compose(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which("docker-compose") or shutil.which(tools() / "docker-compose")
    command: list[str | Path] = [found] if found else ["docker", "compose"]
    if not found and _run("docker", "compose", "version", **_plain(tmp_path)).returncode:
        pytest.skip("no Docker Compose here: tests/deploy/install-tools.sh fetches it")
    return _run(*command, "-f", COMPOSE, *arguments, **_plain(tmp_path), **environ)


def test_compose_takes_it(tmp_path: Path) -> None:
    checked = _compose(tmp_path, "config", "--format", "json", **VARIABLES)
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == ""
    services = json.loads(checked.stdout)["services"]
    assert set(services) == {"caddy", "voicebot", "opentts", "coturn"}
    assert services["opentts"]["ports"][0]["host_ip"] == "127.0.0.1"
    for service in services.values():
        for volume in service.get("volumes", []):
            assert volume["type"] == "volume" or Path(volume["source"]).exists(), volume
    build = services["voicebot"]["build"]
    assert (Path(build["context"]) / build["dockerfile"]).is_file()
    assert Path(build["context"]) == ROOT
    # A secret on a command line can be read by every process.
    assert VARIABLES["TURN_SECRET"] not in json.dumps(services["coturn"]["command"])


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_compose_asks_for_what_is_missing(tmp_path: Path, name: str) -> None:
    checked = _compose(tmp_path, "config", **{key: value for key, value in VARIABLES.items() if key != name})
    assert checked.returncode != 0
    assert name in checked.stderr


def test_coturns_config_is_made_of_both(tmp_path: Path) -> None:
    """The line that compose.yaml has a shell run, with coturn replaced."""
    (line,) = yaml.safe_load(COMPOSE.read_text())["services"]["coturn"]["command"]
    made = tmp_path / "turnserver.conf"
    line = line.replace("$$", "$").replace(
        "/etc/coturn/base.conf", str(DEPLOY / "coturn" / "turnserver.conf")
    )
    line = line.replace("/tmp/turnserver.conf", str(made)).replace("exec turnserver", "true")
    assert _run("sh", "-c", line, **_plain(tmp_path), **VARIABLES).returncode == 0
    assert made.stat().st_mode & 0o077 == 0
    settings = [entry for entry in made.read_text().splitlines() if entry and not entry.startswith("#")]
    assert "use-auth-secret" in settings
    for entry in ("realm=voice.example.org", "external-ip=203.0.113.7", "static-auth-secret=s3cret"):
        assert settings.count(entry) == 1
    assert not any("change-me" in entry for entry in settings)


# --- Kubernetes -------------------------------------------------------------------------------------------------------


def _manifests() -> list[dict[str, Any]]:
    folder = DEPLOY / "kubernetes"
    files = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [one for file in files for one in yaml.safe_load_all((folder / file).read_text())]


def test_the_manifests_are_kubernetes() -> None:
    kinds = set()
    for manifest in _manifests():
        kubernetes_validate.validate(manifest, "1.31", strict=True)
        kinds.add(manifest["kind"])
    assert {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress"} == kinds


def test_a_wrong_manifest_is_none() -> None:
    wrong = next(one for one in _manifests() if one["kind"] == "Deployment")
    wrong["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.31", strict=True)


def test_the_manifests_fit_together() -> None:
    of = {manifest["kind"]: manifest for manifest in _manifests()}
    pod = of["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"]
    assert of["Service"]["spec"]["selector"].items() <= labels.items()
    assert of["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert (
        of["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"]
        == of["Deployment"]["metadata"]["name"]
    )
    container = pod["spec"]["containers"][0]
    paths = {probe: container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
    assert paths == {"livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    # What is waited before it stops, and then 15 s for a stop.
    assert pod["spec"]["terminationGracePeriodSeconds"] > 5 + 15
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["spec"]["volumes"]}


# --- what is measured -------------------------------------------------------------------------------------------------


def _metrics_of(text: str) -> set[str]:
    return {re.sub("_bucket$", "", name) for name in re.findall(r"\bvoicebot_[a-z_]+\b", text)}


@pytest.mark.parametrize(
    "file", ["grafana/voicebot.json", "kubernetes/hpa.yaml", "kubernetes/adapter-rule.yaml"]
)
def test_only_metrics_that_exist(file: str) -> None:
    # docs/operating.md is checked against the code.
    known = set(re.findall(r"`(voicebot_[a-z_]+)`", (ROOT / "docs" / "operating.md").read_text()))
    used = _metrics_of((DEPLOY / file).read_text())
    assert used
    assert used <= known


def test_the_dashboard_is_whole() -> None:
    board = json.loads((DEPLOY / "grafana" / "voicebot.json").read_text())
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    for panel in panels:
        for target in panel["targets"]:
            assert target["expr"].count("(") == target["expr"].count(")")


def test_the_firewall_opens_the_ports_that_are_used() -> None:
    rules = (DEPLOY / "firewall.nft").read_text()
    coturn = dict(
        line.split("=", 1)
        for line in (DEPLOY / "coturn" / "turnserver.conf").read_text().splitlines()
        if "=" in line
    )
    assert f"udp dport {coturn['min-port']}-{coturn['max-port']} accept" in rules
    assert f"udp dport {coturn['listening-port']} accept" in rules
    reserved = re.search(r"reserved_ports = (\S+)", (DEPLOY / "systemd" / "99-voicebot.conf").read_text())
    assert reserved is not None
    for protocol in ("udp", "tcp"):
        assert f"{protocol} dport {reserved[1]} accept" in rules
