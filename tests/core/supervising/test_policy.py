"""When which call worker is started."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot.supervising.policy import GiveUp, Restart, Retire, WorkerPolicy


def started_and_warm(policy: WorkerPolicy, number: int, now_s: float = 0.0) -> None:
    policy.started(number, now_s)
    policy.warm(number)


def test_workers_are_started_one_after_another() -> None:
    policy = WorkerPolicy(2, replace_finished=True)
    assert policy.next_start(0.0) == 0
    policy.started(0, 0.0)
    assert policy.next_start(100.0) is None
    assert policy.wake_at() is None
    policy.warm(0)
    assert policy.next_start(100.0) == 1
    started_and_warm(policy, 1, 100.0)
    assert policy.next_start(200.0) is None
    assert not policy.done


def test_the_pause_doubles_up_to_30_s_and_is_short_again_after_a_long_life() -> None:
    policy, now_s, pauses = WorkerPolicy(1, replace_finished=True), 0.0, []
    for _ in range(9):
        started_and_warm(policy, 0, now_s)
        outcome = policy.ended(0, -9, now_s + 1)
        assert isinstance(outcome, Restart)
        pauses.append(outcome.after_s)
        assert policy.next_start(now_s + 1 + outcome.after_s - 0.01) is None
        wake_s = policy.wake_at()
        assert wake_s == now_s + 1 + outcome.after_s
        assert policy.next_start(wake_s) == 0
        now_s = wake_s
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    started_and_warm(policy, 0, now_s)
    assert policy.ended(0, 1, now_s + 60) == Restart(0.5)


def test_a_users_error_ends_it_at_once_unless_another_worker_serves() -> None:
    policy = WorkerPolicy(2, replace_finished=True)
    policy.started(0, 0.0)
    assert policy.ended(0, 2, 1.0) == GiveUp("user_error")
    policy = WorkerPolicy(2, replace_finished=True)
    started_and_warm(policy, 0)
    policy.started(1, 0.0)
    assert isinstance(policy.ended(1, 2, 1.0), Restart)
    # A worker that was warm met no user's error.
    policy = WorkerPolicy(1, replace_finished=True)
    started_and_warm(policy, 0)
    assert isinstance(policy.ended(0, 2, 1.0), Restart)


def test_three_crashes_in_a_row_before_being_warm_end_it() -> None:
    policy = WorkerPolicy(2, replace_finished=True)
    outcomes = []
    for now_s in (0.0, 10.0, 20.0):
        policy.started(0, now_s)
        outcomes.append(policy.ended(0, 1, now_s))
    assert [type(outcome) for outcome in outcomes] == [Restart, Restart, GiveUp]


def test_crashes_are_not_in_a_row_when_one_was_warm_between_them() -> None:
    policy = WorkerPolicy(1, replace_finished=True)
    for now_s in (0.0, 10.0, 20.0, 30.0):
        policy.started(0, now_s)
        assert isinstance(policy.ended(0, 1, now_s), Restart)
        policy.started(0, now_s)
        assert isinstance(policy.ended(0, 1, now_s), Restart)
        started_and_warm(policy, 0, now_s)
        assert isinstance(policy.ended(0, 1, now_s), Restart)


def test_crashes_beside_a_worker_that_serves_are_retried_for_ever() -> None:
    policy = WorkerPolicy(2, replace_finished=True)
    started_and_warm(policy, 0)
    for n in range(20):
        policy.started(1, 100.0 * n)
        assert isinstance(policy.ended(1, 1, 100.0 * n), Restart)
    # That the other one is replaced now, too, is no crash in a row.
    assert isinstance(policy.ended(0, -9, 5000.0), Restart)
    policy.started(1, 6000.0)
    assert isinstance(policy.ended(1, 1, 6000.0), Restart)


def test_without_a_front_who_has_finished_is_not_replaced() -> None:
    policy = WorkerPolicy(2, replace_finished=False)
    started_and_warm(policy, 0)
    started_and_warm(policy, 1)
    assert policy.ended(0, 0, 1.0) == Retire()
    assert not policy.done
    assert policy.ended(1, 0, 1.0) == Retire()
    assert policy.done
    assert policy.next_start(99.0) is None
    assert policy.wake_at() is None
    policy = WorkerPolicy(1, replace_finished=True)
    started_and_warm(policy, 0)
    assert isinstance(policy.ended(0, 0, 1.0), Restart)


@given(
    st.integers(1, 5),
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 4), st.sampled_from([0, 1, 2, -9])), max_size=60),
)
def test_whatever_happens(workers: int, replace: bool, happenings: list[tuple[float, int, int]]) -> None:
    policy, now_s = WorkerPolicy(workers, replace_finished=replace), 0.0
    alive: dict[int, bool] = {}  # slot -> warm
    for passed_s, choice, code in happenings:
        now_s += passed_s
        number = policy.next_start(now_s)
        if number is not None:
            assert number not in alive
            assert all(alive.values())
            policy.started(number, now_s)
            alive[number] = False
        elif alive:
            number = sorted(alive)[choice % len(alive)]
            if not alive[number] and code == 0:
                policy.warm(number)
                alive[number] = True
                continue
            was_warm = alive.pop(number)
            outcome = policy.ended(number, code, now_s)
            if isinstance(outcome, GiveUp):
                assert not any(alive.values())
                assert not was_warm
                return
            if isinstance(outcome, Restart):
                assert 0.5 <= outcome.after_s <= 30
            else:
                assert code == 0
                assert not replace
        else:
            assert policy.done or (policy.wake_at() or 0) > now_s
