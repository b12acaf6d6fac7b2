"""Voice activity by Silero, on onnxruntime and without torch."""

from .config import SileroConfig
from .provider import SileroStream, SileroVAD

__all__ = ["SileroConfig", "SileroStream", "SileroVAD"]
