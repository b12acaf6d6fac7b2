"""An OpenAI-compatible server's list of models, and whether ours is on it. Pure."""

from __future__ import annotations

import json

from voicebot.errors import EngineError
from voicebot.plugins import nearest

__all__ = ["check_model", "model_ids"]

_NAMED = 5


def model_ids(body: bytes) -> list[str] | None:
    """The ids in an answer to GET /models, or None where it is no such list."""
    try:
        models = json.loads(body)["data"]
        ids = [model["id"] for model in models]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return [name for name in ids if isinstance(name, str) and name.isprintable()] or None


def check_model(model: str, ids: list[str], where: str) -> None:
    """Ollama's `:latest`, OpenRouter's variants (`model:nitro`) and Gemini's `models/` may differ from the list.

    Raises:
        EngineError: the model is not among them; it names the nearest.
    """
    known = {name.removeprefix("models/") for name in ids}
    name = model.removeprefix("models/")
    if known & {name, f"{name}:latest", name.partition(":")[0]}:
        return
    if close := nearest(model, ids):
        hint = f"Did you mean {close}?"
    else:
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        hint = f"It has {', '.join(sorted(ids)[:_NAMED])}{more}."
    raise EngineError(
        f"{where} has no model {model!r}.", hint=f"{hint} (`check_model: false` skips this check.)"
    )
