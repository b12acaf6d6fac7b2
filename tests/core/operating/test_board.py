"""One picture of the call workers and their calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from voicebot.errors import VoicebotError
from voicebot.events import CallStarted, CallState
from voicebot.operating.board import Board
from voicebot.profile.model import Profile
from voicebot.supervising.operations import Operations
from voicebot.supervising.supervisor import WorkerState
from voicebot.timeline import HOPS

KINDS: dict[str, Any] = dict.fromkeys(("vad", "stt", "llm", "tts", "transport"), "scripted")


class Supervised:
    """Two workers, of which the second one has a call."""

    def __init__(self) -> None:
        self.operations = Operations(min_idle=0.1)
        self.draining = False
        self.calls_on = {1: "ab12"}
        self.wishes: list[tuple[str, bool]] = []

    def workers(self) -> list[str]:
        return ["warm", "on_call"]

    def hang_up(self, call_id: str, *, goodbye: bool) -> bool:
        self.wishes.append((call_id, goodbye))
        return True


def board(supervised: Supervised, **settings: Any) -> Board:
    return Board(Profile.model_validate(KINDS | settings), supervised)


def test_everything_is_in_the_picture() -> None:
    supervised = Supervised()
    shown = board(supervised)
    shown.happened("ab12", CallStarted(0.0, "ab12"))
    picture = shown.picture()
    assert picture["workers"] == [{"state": "warm", "call": ""}, {"state": "on_call", "call": "ab12"}]
    assert [call["id"] for call in picture["calls"]] == ["ab12"]
    assert (picture["idle"], picture["busy"], picture["obstacle"]) == (None, "", "")
    supervised.operations.headroom.measured(0.04)
    supervised.operations.calls_on = 1
    assert (shown.picture()["idle"], shown.picture()["busy"][:19]) == (0.04, "the machine is busy")
    json.dumps(picture, allow_nan=False)


def test_a_call_is_there_until_nothing_is_left_of_it() -> None:
    supervised = Supervised()
    shown = board(supervised)
    shown.happened("ab12", CallStarted(0.0, "ab12"))
    shown.calls_changed()
    assert shown.picture()["calls"]
    supervised.calls_on.clear()
    shown.calls_changed()
    assert shown.picture()["calls"] == []


def test_ending_one_is_the_supervisors_business() -> None:
    supervised = Supervised()
    assert board(supervised).hang_up("ab12", goodbye=True)
    assert supervised.wishes == [("ab12", True)]


@pytest.mark.parametrize(
    ("keep", "possible"),
    [
        ({}, False),
        ({"consent": "given"}, True),
        ({"consent_phrases": ["I agree"]}, True),
    ],
)
def test_words_need_a_way_to_agree_to_that(keep: dict[str, Any], possible: bool) -> None:
    settings = {"operator": {"transcripts": True}, "keep": keep}
    if possible:
        board(Supervised(), **settings)
        return
    with pytest.raises(VoicebotError, match=r"operator\.transcripts") as raised:
        board(Supervised(), **settings)
    assert "keep.consent_phrases" in raised.value.hint


def test_the_page_knows_a_word_for_every_state() -> None:
    """Of workers and calls, of hops and counts."""
    page = (Path(__file__).parents[3] / "core/voicebot/operating/page/operator.js").read_text()
    states = [name for part in get_args(WorkerState) for name in (get_args(part) or (part,))]
    for name in (*states, *get_args(CallState), *HOPS, "orchestration"):
        assert f"\n  {name}: '" in page, name
