"""Calls in a real browser, over both transports. The harness is in `support/`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser.support.microphone import QUESTION, microphone_file

CONNECTING_S = 3.0
"""What the user says is lost until the call is there: the first word comes this long after the microphone's opening."""


@pytest.fixture(params=["webrtc", "mediasoup"])
def transport(request: pytest.FixtureRequest) -> str:
    """Both ways in which a browser's audio gets to a call."""
    return str(request.param)


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    """A microphone into which nobody speaks."""
    return microphone_file(tmp_path / "silence.wav", 1.0)


@pytest.fixture
def question(tmp_path: Path) -> Path:
    """One question, once."""
    return microphone_file(tmp_path / "question.wav", CONNECTING_S, QUESTION)
