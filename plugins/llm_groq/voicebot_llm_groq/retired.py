"""Models that Groq has retired. Pure.

Ids retire every few months, and profiles outlive them. Groq answers 404 or 400 (`model_decommissioned`) to a retired
one; where its list of models does not have ours either, this table says why and what to take instead.

Sources: https://console.groq.com/docs/deprecations (dates and replacements; where Groq's replacement has retired since,
the table names what replaced that), read through https://github.com/gsd-build/gsd-2/pull/4273 (2025 to April 2026),
https://github.com/groq/groq-changelog/pull/20 (July and August 2026), https://github.com/crewAIInc/crewAI/issues/1976
(llama-3.1-70b-versatile) and https://github.com/papi-ai/groq/releases/tag/v0.15.2 (mixtral). Enterprise contracts may
keep a model: only one that is missing from the account's own list counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.errors import EngineError
from voicebot.plugins import nearest
from voicebot.servers.models import check_model

__all__ = ["RETIRED", "Retired", "check_groq_model", "replacement"]

_LARGE, _SMALL = "openai/gpt-oss-120b", "openai/gpt-oss-20b"


@dataclass(frozen=True, slots=True)
class Retired:
    since: str
    """A date as 2025-10-08, or "" where it is not known to the day."""
    instead: str


RETIRED = {
    "deepseek-r1-distill-llama-70b": Retired("2025-10-02", _LARGE),
    "gemma-7b-it": Retired("", _SMALL),
    "gemma2-9b-it": Retired("2025-10-08", _SMALL),
    "groq/compound": Retired("2026-09-21", _LARGE),
    "llama-3.1-70b-versatile": Retired("", _LARGE),
    "llama-3.1-8b-instant": Retired("2026-08-16", _SMALL),
    "llama-3.2-1b-preview": Retired("", _SMALL),
    "llama-3.2-3b-preview": Retired("", _SMALL),
    "llama-3.2-11b-vision-preview": Retired("", _SMALL),
    "llama-3.3-70b-specdec": Retired("", _LARGE),
    "llama-3.3-70b-versatile": Retired("2026-08-16", _LARGE),
    "llama3-70b-8192": Retired("2025-08-30", _LARGE),
    "llama3-8b-8192": Retired("2025-08-30", _SMALL),
    "llama3-groq-70b-8192-tool-use-preview": Retired("", _LARGE),
    "meta-llama/llama-4-maverick-17b-128e-instruct": Retired("2026-03-09", _LARGE),
    "meta-llama/llama-4-scout-17b-16e-instruct": Retired("2026-07-17", _LARGE),
    "mistral-saba-24b": Retired("2025-07-30", _LARGE),
    "mixtral-8x7b-32768": Retired("2025-03-20", _LARGE),
    "moonshotai/kimi-k2-instruct": Retired("2025-10-10", _LARGE),
    "moonshotai/kimi-k2-instruct-0905": Retired("2026-04-15", _LARGE),
    "qwen-qwq-32b": Retired("2025-07-14", _LARGE),
    "qwen/qwen3-32b": Retired("2026-07-17", _LARGE),
}


def check_groq_model(model: str, ids: list[str], where: str) -> None:
    """As `check_model`, knowing of retired models.

    Raises:
        EngineError: the account's list does not have the model.
    """
    retired = RETIRED.get(model)
    if retired is None or model in ids:
        check_model(model, ids, where)
        return
    since = f" on {retired.since}" if retired.since else ""
    raise EngineError(
        f"Groq has retired the model {model!r}{since}.",
        hint=f"Take {replacement(model, ids)} instead. (`check_model: false` skips this check.)",
    )


def replacement(model: str, ids: list[str]) -> str:
    """What to take for a retired model, among the live ones."""
    instead = RETIRED[model].instead
    if instead in ids:
        return instead
    return nearest(instead, ids) or nearest(model, ids) or instead
