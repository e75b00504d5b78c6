"""What suspicion may cost: confirmation rounds of messages, of which a little noise must not buy one each minute."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from service.decision.acceptance import ALL_FAIL
from service.decision.allowance import ROUNDS_AT_ONCE, Allowance, rounds_left, spent
from service.decision.failover import Switchover
from service.decision.policy import Policy
from service.decision.route import simple_route
from service.decision.trouble import Calm, calmer, unforgotten
from tests.core.story import DOWN, POLICY, START, TEMPFAIL, A, B, Story

AT_END_OF_DATA = {**TEMPFAIL, "stage": "end-of-data"}
DAY_MINUTES = 24 * 60


def minutes_of_noise(story: Story, minutes: int, fates: Callable[[int], dict] = lambda n: {}) -> list[int]:
    """Let 2 % of live mail fail at the end of DATA each minute; return the minutes of each confirmation round."""
    rounds = []
    for minute in range(minutes):
        story.wait(50).sweep()
        story.live(A, AT_END_OF_DATA, count=2)
        story.live(A, count=98)
        for _ in range(5):
            wanted = [w for w in story.wanted() if w.kind == "message"]
            if not wanted:
                break
            story.now = max(story.now, wanted[0].not_before)
            story.round(fates(len(rounds)), confirmation=True, takes=0.1)
            rounds.append(minute)
        story.wait(60 - story.now.timestamp() % 60)
    return rounds


def test_a_few_failed_live_deliveries_buy_fewer_and_fewer_rounds() -> None:
    rounds = minutes_of_noise(Story().warm(), 60)
    assert rounds == [0, 2, 5, 10, 19, 36]


def test_a_day_of_noise_buys_no_more_rounds_than_the_schedule_makes() -> None:
    assert len(minutes_of_noise(Story().warm(), DAY_MINUTES)) <= 24 + 5


def test_rounds_that_neither_confirm_nor_clear_end_with_the_allowance() -> None:
    def half(turn: int) -> dict:
        return {(A, seed): AT_END_OF_DATA for seed, _ in POLICY.seeds[turn % 2 :: 2]}

    assert len(minutes_of_noise(Story().warm(), 60, half)) <= 2 * ROUNDS_AT_ONCE


def test_a_suspicion_waits_for_the_next_round_of_its_allowance() -> None:
    story = Story().warm()
    for _ in range(ROUNDS_AT_ONCE):
        story.wait(2).round({A: AT_END_OF_DATA}, seeds=("gmail-1",))
        story.wait(2).round(confirmation=True)
    story.wait(2).round({A: AT_END_OF_DATA})
    assert story.wanted() == ()
    story.wait(POLICY.round_interval_seconds / ROUNDS_AT_ONCE)
    assert [w.kind for w in story.wanted()] == ["message"]
    story.notice("start")
    assert rounds_left(story.state.providers[A].allowance, POLICY, story.now) == 1
    assert story.state.providers[B].allowance is None


def test_a_doubt_waits_for_the_next_round_too() -> None:
    story = Story().warm()
    for _ in range(ROUNDS_AT_ONCE):
        story.wait(60).round({(A, "gmail-1"): "spam"})
        story.round(receiver="gmail", confirmation=True)
    story.wait(60).round({(A, "gmail-1"): "spam"})
    assert story.wanted() == ()
    story.wait(POLICY.round_interval_seconds / ROUNDS_AT_ONCE)
    assert [w.kind for w in story.wanted()] == ["message"]


def test_session_checks_cost_nothing_of_it() -> None:
    story = Story().warm()
    for _ in range(3 * ROUNDS_AT_ONCE):
        story.wait(60).sweep({A: TEMPFAIL})
        story.wait(2).sweep(confirmation=True)
    assert story.state.providers[A].allowance is None
    story.wait(60).sweep({A: TEMPFAIL})
    assert [w.kind for w in story.wanted()] == ["session"]


@pytest.mark.parametrize("where", ["mail", "end-of-data"])
def test_a_real_fault_is_confirmed_after_hours_of_noise(where: str) -> None:
    story = Story().warm()
    minutes_of_noise(story, 180)
    began, fault = story.now, {**TEMPFAIL, "stage": where}
    for _ in range(60):
        story.wait(50).sweep({A: fault} if where == "mail" else None)
        story.live(A, fault, count=100)
        story.confirm({A: fault} if where == "mail" else None, {A: fault})
        if isinstance(story.decide(), Switchover):
            break
        story.wait(10)
    assert story.apply().route.active == B
    assert (story.now - began).total_seconds() < (70 if where == "mail" else 130)


def test_a_confirmed_fault_ends_the_calm() -> None:
    story = Story().warm()
    minutes_of_noise(story, 10)
    assert story.state.providers[A].trouble.calm.seconds > POLICY.session_interval_seconds
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert story.state.providers[A].trouble.calm is None


def test_only_failures_that_messages_confirm_are_kept_calm_for_long() -> None:
    story = Story().warm()
    minutes_of_noise(story, 12)
    story.wait(60).live(A, AT_END_OF_DATA)
    assert story.wanted() == ()
    story.live(A, DOWN)
    assert [w.kind for w in story.wanted()] == ["session"]


def test_a_calm_ends_when_mail_fails_and_none_is_taken_any_more() -> None:
    story = Story().warm()
    minutes_of_noise(story, 12)
    story.wait(61).live(A, AT_END_OF_DATA, count=ALL_FAIL - 1)
    assert story.status(A) == "healthy"
    story.wait(1).live(A, AT_END_OF_DATA)
    assert story.status(A) == "suspect"


def test_a_calm_is_forgotten_after_as_long_again_without_suspicion() -> None:
    story = Story().warm()
    minutes_of_noise(story, 4)
    calm = story.state.providers[A].trouble.calm
    story.now = calm.until + timedelta(seconds=calm.seconds)
    story.sweep()
    assert story.state.providers[A].trouble.calm is None


def test_a_calm_is_as_long_as_the_interval_of_rounds_at_most() -> None:
    calm, lengths = None, []
    for _ in range(8):
        calm = calmer(calm, START, 60, 900)
        lengths.append(calm.seconds)
    assert lengths == [60, 120, 240, 480, 900, 900, 900, 900]
    assert calmer(Calm(until=START, seconds=60), START, 60, 30).seconds == 60
    assert unforgotten(None, START) is None


def test_where_rounds_are_frequent_the_allowance_fills_up_as_fast() -> None:
    quick, at = replace(POLICY, round_interval_seconds=6.0), START
    rare = replace(POLICY, round_interval_seconds=6 * 3600.0)
    empty = Allowance(left=0.0, at=at)
    assert [rounds_left(empty, quick, at + timedelta(seconds=s)) for s in (0, 1.5, 3, 60)] == [0, 1, 2, 4]
    assert rounds_left(empty, rare, at + timedelta(minutes=15)) == 1
    assert rounds_left(empty, POLICY, at - timedelta(hours=1)) == 0
    assert spent(empty, POLICY, at).left == 0.0


def test_a_round_asked_for_several_suspects_is_charged_once_to_each() -> None:
    story = Story().warm()
    story.round({A: AT_END_OF_DATA, B: AT_END_OF_DATA}, seeds=("gmail-1",))
    story.wait(2).round(confirmation=True)
    assert [story.state.providers[name].allowance.left for name in (A, B)] == [3.0, 3.0]
    story.wait(2).round(confirmation=True)  # nobody is suspected any more
    assert [story.state.providers[name].allowance.left for name in (A, B)] == [3.0, 3.0]


def test_without_seeds_a_session_check_clears_what_it_can() -> None:
    story = Story(policy=Policy(providers=(A, B), seeds=()), route=simple_route(A, B))
    story.sweep()
    story.wait(60).live(A, AT_END_OF_DATA)
    assert story.confirm() == 1
    assert story.status(A) == "healthy"
