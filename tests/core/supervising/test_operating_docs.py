"""docs/operating.md names every metric that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from voicebot.supervising.operations import Operations
from voicebot_transport_webrtc.front.metrics import Metrics, exposition

ROOT = Path(__file__).parents[3]


def names(text: str) -> set[str]:
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(text)
    }


def test_the_metrics_in_the_documentation_are_those_that_there_are() -> None:
    calls = names(Operations().metrics())
    front = names(exposition(Metrics().families(active=0, workers={"idle": 0})))
    source = (ROOT / "sfu/src/metrics.js").read_text()
    sfu = {f"voicebot_sfu_{name}" for name in re.findall(r"this\.#(?:gauge|counter)\(\s*'(\w+)'", source)}
    assert len(sfu) == source.count("this.#gauge(") + source.count("this.#counter(")
    assert not calls & front
    documented = re.findall(r"^\| `(voicebot_\w+)`", (ROOT / "docs/operating.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(calls | front | sfu)
