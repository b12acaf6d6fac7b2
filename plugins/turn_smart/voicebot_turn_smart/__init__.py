"""Whether a speaker has finished, by how they sound: the plugin `turn: smart`."""

from .config import SmartConfig
from .provider import SmartTurn

__all__ = ["SmartConfig", "SmartTurn"]
