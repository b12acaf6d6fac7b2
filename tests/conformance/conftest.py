"""What the tests of our own engines share."""

from __future__ import annotations

import pytest

from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore


@pytest.fixture
def with_models(request: pytest.FixtureRequest, model_store: ModelStore) -> None:
    """What a class's `make` builds with."""
    request.instance.context = ProviderContext(models=model_store, threads=2)
