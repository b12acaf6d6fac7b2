"""What all tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from voicebot.models import ModelStore

settings.register_profile("voicebot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("voicebot"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "voicebot")


@pytest.fixture(scope="session")
def model_store() -> ModelStore:
    """The models on this machine.

    A missing model fails the test, with the command that fetches it: an engine is never silently skipped.
    """
    return ModelStore()
