from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot_transport_mediasoup.backoff import Backoff


def test_twice_as_long_each_time_up_to_the_longest() -> None:
    backoff = Backoff(first_s=0.2, longest_s=5.0)
    assert [backoff.failed(0.0) for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_the_fifth_within_a_minute_is_one_too_many() -> None:
    backoff = Backoff(first_s=0.2, longest_s=5.0, limit=5, within_s=60.0)
    assert [backoff.failed(at) for at in (0, 10, 20, 30, 59.9)] == [0.2, 0.4, 0.8, 1.6, None]


def test_what_ran_well_starts_anew() -> None:
    backoff = Backoff(first_s=0.2, longest_s=5.0, limit=5, within_s=60.0)
    assert [backoff.failed(at) for at in (0, 10, 20, 30, 60.0)] == [0.2, 0.4, 0.8, 1.6, 1.6]
    assert backoff.failed(200.0) == 0.2


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=200).map(sorted), st.none() | st.integers(1, 10))
def test_it_gives_up_exactly_when_there_were_too_many(times: list[float], limit: int | None) -> None:
    backoff = Backoff(first_s=0.1, longest_s=2.0, limit=limit, within_s=60.0)
    for index, at in enumerate(times):
        recent = sum(1 for earlier in times[: index + 1] if at - earlier < 60.0)
        delay_s = backoff.failed(at)
        assert (delay_s is None) == (limit is not None and recent >= limit)
        assert delay_s is None or 0.1 <= delay_s <= 2.0
