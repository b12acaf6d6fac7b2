from __future__ import annotations

from voicebot.events import AgentTurnEnded, AgentTurnStarted, CallEnded, CallState, StateChanged
from voicebot_transport_wav.quiet import QuietWatch


def state(name: CallState) -> StateChanged:
    return StateChanged(at_s=0.0, state=name)


def watch() -> QuietWatch:
    return QuietWatch(tail_s=1.0, max_wait_s=10.0)


def test_without_a_word_it_is_over_a_tail_after_the_end() -> None:
    quiet = watch()
    assert quiet.verdict(5.0, 4.9) == "go_on"
    assert quiet.verdict(5.0, 5.9) == "go_on"
    assert quiet.verdict(5.0, 6.0) == "quiet"


def test_the_tail_counts_from_the_last_return_to_listening() -> None:
    quiet = watch()
    quiet.on_event(state("thinking"), 4.0)
    assert quiet.verdict(5.0, 7.0) == "go_on"
    quiet.on_event(state("agent_speaking"), 7.0)
    quiet.on_event(state("listening"), 8.0)
    assert quiet.verdict(5.0, 8.9) == "go_on"
    assert quiet.verdict(5.0, 9.0) == "quiet"


def test_being_told_again_that_it_listens_does_not_start_the_tail_anew() -> None:
    quiet = watch()
    quiet.on_event(state("listening"), 5.9)
    assert quiet.verdict(5.0, 6.0) == "quiet"


def test_an_open_turn_keeps_the_call_open() -> None:
    quiet = watch()
    quiet.on_event(AgentTurnStarted(at_s=0.0, turn_id=3), 4.0)
    assert quiet.verdict(5.0, 7.0) == "go_on"
    quiet.on_event(AgentTurnEnded(0.0, 3, "", "", "finished"), 7.0)
    assert quiet.verdict(5.0, 7.9) == "go_on"
    assert quiet.verdict(5.0, 8.0) == "quiet"


def test_waiting_has_a_limit() -> None:
    quiet = watch()
    quiet.on_event(state("thinking"), 4.0)
    assert quiet.verdict(5.0, 14.9) == "go_on"
    assert quiet.verdict(5.0, 15.0) == "timeout"


def test_the_sessions_end_is_the_end_at_any_time() -> None:
    for event in (state("ended"), CallEnded(at_s=0.0, reason="hung_up")):
        quiet = watch()
        quiet.on_event(event, 1.0)
        assert quiet.verdict(5.0, 1.0) == "ended"
