"""How many failures in a row confirm a hard fault, by what is on record of those that came to nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.decision.burst import SOON, Bursts, going_on, needed, suspicions_per_year, with_burst
from service.decision.calibration import budget
from tests.core.story import DOWN, POLICY, START, SUSPENDED, A, B, Story


def record(suspicions: int, further: int, hours: float = 6.0) -> Bursts | None:
    bursts = None
    for n in range(suspicions):
        bursts = with_burst(bursts, START + timedelta(hours=n * hours), further)
    return bursts


def after(bursts: Bursts | None, others: tuple[Bursts | None, ...] = ()) -> int:
    return needed(bursts, others, POLICY, bursts.at if bursts else START)


def test_without_a_record_as_many_are_needed_as_configured() -> None:
    assert after(None) == POLICY.confirmations
    assert needed(None, (), replace(POLICY, confirmations=4), START) == 4


def test_failures_that_come_singly_change_nothing() -> None:
    assert after(record(40, 0, hours=24)) == POLICY.confirmations


def test_the_longer_bursts_are_the_more_is_needed_but_no_longer_than_the_tolerated_outage() -> None:
    numbers = [after(record(40, further)) for further in (0, 1, 2, 4, 30)]
    assert numbers == sorted(numbers)
    assert numbers[1] > POLICY.confirmations
    assert numbers[-1] == POLICY.tolerated_outage_seconds / POLICY.confirmation_spacing_seconds


def test_what_is_on_record_of_others_counts_up_to_what_is_done_within_15_seconds() -> None:
    assert after(None, (record(40, 2),)) == SOON
    assert after(None, (record(40, 0), None)) == POLICY.confirmations
    assert SOON * POLICY.confirmation_spacing_seconds + POLICY.confirmation_spacing_seconds < 15


def test_fewer_false_moves_need_more_failures() -> None:
    strict = replace(POLICY, false_moves_per_year=0.001)
    assert needed(None, (), strict, START) > POLICY.confirmations


def test_what_is_old_weighs_less() -> None:
    bursts = record(40, 2)
    late = bursts.at + timedelta(days=400)
    assert suspicions_per_year(bursts, late) < suspicions_per_year(bursts, bursts.at)
    assert with_burst(bursts, late, 0).further < 1


def test_the_rates_are_those_on_record() -> None:
    bursts = record(2000, 1, hours=6)
    assert going_on(bursts) == pytest.approx(0.5, abs=0.05)
    assert suspicions_per_year(bursts, bursts.at) == pytest.approx(4 * 365.25, rel=0.1)


def test_the_budget_shows_the_confirmations_beside_the_tests() -> None:
    (row,) = [share for share in budget(POLICY) if share.in_a_row]
    assert row.in_a_row == POLICY.confirmations + 1
    assert 0 < row.false_moves_per_year <= 0.25 * POLICY.false_moves_per_year


def burst_of(story: Story, failures: int) -> None:
    story.wait(60).sweep({A: DOWN})
    for _ in range(failures - 1):
        story.wait(2).sweep({A: DOWN}, confirmation=True)
    story.wait(2).sweep(confirmation=True)


def bursts_for_a_day(story: Story) -> None:
    for _ in range(12):
        burst_of(story, 2)
        for _ in range(40):
            story.wait(180).sweep()


def test_a_provider_whose_failures_come_in_bursts_is_not_left_for_one_more() -> None:
    story = Story().warm()
    bursts_for_a_day(story)
    story.wait(60).sweep({A: DOWN})
    for _ in range(POLICY.confirmations):
        story.wait(2).sweep({A: DOWN}, confirmation=True)
    assert story.status(A) == "suspect"
    assert [w.kind for w in story.wanted()] == ["session"]
    asked = story.confirm({A: DOWN})
    assert story.status(A) == "degraded"
    assert 0 < asked < 30


def test_what_lasts_longer_than_the_tolerated_outage_is_a_fault_whatever_is_on_record() -> None:
    story = Story().warm()
    bursts_for_a_day(story)
    for _ in range(POLICY.confirmations):
        story.wait(31).sweep({A: DOWN})
    assert story.status(A) == "suspect"
    story.wait(31).sweep({A: DOWN})
    assert story.status(A) == "degraded"


def test_a_confirmed_fault_that_was_over_at_once_is_put_on_record_and_a_long_one_is_not() -> None:
    story = Story().warm()
    burst_of(story, 3)
    assert story.state.providers[A].bursts.further == 2
    other = Story().warm()
    for _ in range(5):
        other.wait(60).sweep({A: DOWN})
    other.wait(60).sweep()
    assert other.state.providers[A].bursts is None


def test_an_account_fault_is_no_burst() -> None:
    story = Story().warm()
    story.sweep({A: SUSPENDED})
    story.confirm({A: SUSPENDED})
    story.wait(60).sweep()
    assert story.state.providers[A].bursts is None
    assert story.state.providers[B].bursts is None


def test_the_record_outlives_a_restart() -> None:
    story = Story(json=True).warm()
    burst_of(story, 2)
    before = story.state.providers[A].bursts
    story.notice("start")
    assert story.state.providers[A].bursts == before
