"""What the bench's callers say and how: a recipe, from which the recordings are made on the spot."""

from voicebot.bench.corpus.recipe import build_scenarios

__all__ = ["build_scenarios"]
