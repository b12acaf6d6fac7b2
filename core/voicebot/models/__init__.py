"""Models as files: a manifest with checksums, a store on disk, and `pull`, alone in using the network."""

from __future__ import annotations

from voicebot.models.manifest import Manifest, Model, load_manifest
from voicebot.models.store import ModelStatus, ModelStore

__all__ = ["Manifest", "Model", "ModelStatus", "ModelStore", "load_manifest"]
