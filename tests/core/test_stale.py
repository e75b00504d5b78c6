"""What happened before measuring began anew is shown, and is no evidence of the present."""

from datetime import timedelta

import pytest

from probes.observation import Signal
from service.decision.failover import Stay, Switchover
from tests.core.story import DOWN, SUSPENDED, TEMPFAIL, A, B, C, Story


def started(story: Story | None = None, kind: str = "start") -> Story:
    story = story or Story().warm()
    story.wait(6 * 3600).notice(kind)
    story.wait(1).sweep()
    story.wait(5).round()
    return story


@pytest.mark.parametrize("kind", ["start", "gap", "clock_jump"])
def test_old_lines_of_the_log_alarm_nothing(kind: str) -> None:
    story = started(kind=kind)
    began = story.now - timedelta(hours=6)
    for minute in range(120):
        story.live(A, TEMPFAIL, count=10, at=began + timedelta(minutes=minute))
        assert story.wanted() == ()
    found = story.health(A)
    assert (found.status, found.signals[Signal.LIVE].bad, found.signals[Signal.LIVE].total) == ("healthy", 1200, 1200)
    assert story.health(A, "gmail").signals[Signal.LIVE].bad == 1200
    assert isinstance(story.decide(), Stay)


@pytest.mark.parametrize("fault", [DOWN, SUSPENDED, TEMPFAIL, {**TEMPFAIL, "stage": "end-of-data"}])
def test_an_old_failure_opens_no_suspicion(fault: dict) -> None:
    story = started()
    story.live(A, fault, at=story.now - timedelta(minutes=1))
    assert story.wanted() == ()
    assert story.status(A) == "healthy"


def test_an_old_success_proves_nothing_and_ends_no_wait() -> None:
    story = Story().warm()
    story.wait(6 * 3600).notice("start")
    for provider in (A, B, C):
        story.live(provider, count=100, at=story.now - timedelta(seconds=1))
        assert story.status(provider) == "unknown"
        assert story.state.providers[provider].seen_at < story.state.context.started_at
    story.session(A, SUSPENDED)
    story.wait(2).session(A, SUSPENDED)
    assert story.decide().rule == "start"


def test_an_old_failure_adds_nothing_to_a_present_one() -> None:
    story = started()
    story.sweep({A: SUSPENDED})
    before = story.state.providers[A].trouble
    story.live(A, SUSPENDED, at=story.now - timedelta(minutes=5))
    story.observe(A, Signal.SESSION, False, at=story.now - timedelta(minutes=5), confirmation=True, **SUSPENDED)
    story.observe(A, Signal.SESSION, None, at=story.now - timedelta(minutes=5), confirmation=True)
    assert story.state.providers[A].trouble == before


def test_an_old_success_ends_no_present_fault() -> None:
    story = started()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    before = story.state.providers[A].trouble
    for minute in range(10):
        story.session(A, at=story.now - timedelta(minutes=60 - minute))
    assert story.state.providers[A].trouble == before


def test_an_alarm_that_outlasts_the_start_neither_grows_nor_ends_by_old_lines() -> None:
    story = Story().warm()
    for _ in range(30):
        story.wait(60).live(A, TEMPFAIL, count=40)
        story.sweep()
    story.wait(600).notice("start")
    alarmed = story.health(A)
    assert alarmed.severity == "refusing"
    for minute in range(9):
        story.live(A, count=50, at=story.now - timedelta(minutes=10 - minute))
        story.live(A, TEMPFAIL, count=50, at=story.now - timedelta(minutes=10 - minute))
    assert story.health(A).reason == alarmed.reason


def test_what_is_measured_at_the_very_start_counts_but_not_mail_that_may_be_older() -> None:
    story = Story()
    story.notice("start")
    story.sweep()
    assert story.status(A) == "healthy"
    story.live(A, SUSPENDED)
    assert story.wanted() == ()
    story.wait(9.9).live(A, SUSPENDED)
    assert story.wanted() == ()
    story.wait(0.1).live(A, SUSPENDED)
    assert len(story.wanted()) == 1


def test_old_failures_that_are_nobody_s_fault_are_not_even_shown() -> None:
    story = started()
    for category in ("recipient", "content", "network"):
        story.live(A, {"category": category, "stage": "rcpt"}, at=story.now - timedelta(minutes=5))
    assert Signal.LIVE not in story.health(A).signals


def test_old_mail_through_a_provider_not_met_before_is_shown() -> None:
    story = Story()
    story.notice("start")
    story.live(A, count=5, at=story.now - timedelta(minutes=5), receiver=None)
    assert story.health(A).signals[Signal.LIVE].total == 5
    assert story.health(A, "gmail").signals == {}
    assert story.status(A) == "unknown"


def test_a_round_under_way_at_a_gap_is_lost_but_what_was_taken_after_it_counts() -> None:
    story = Story().warm()
    cell = {"round": "r", "seed": "gmail-1", "receiver": "gmail"}
    story.observe(B, Signal.ACCEPTANCE, **cell)
    sent = story.now
    story.wait(60).notice("gap")
    story.observe(A, Signal.ACCEPTANCE, **cell)
    for provider, at in ((A, story.now), (B, sent)):
        story.observe(provider, Signal.ARRIVAL, at=at, **cell)
        story.observe(provider, Signal.PLACEMENT, provider == B, at=at, **cell)
    story.observe(C, Signal.PLACEMENT, False, at=sent, round="unheard of", seed="gmail-1", receiver="gmail")
    assert story.state.rounds == {}
    assert (story.status(A), story.status(B)) == ("healthy", "unknown")


def test_a_provider_that_still_fails_after_the_start_is_left_by_fresh_evidence() -> None:
    story = Story().warm()
    story.wait(6 * 3600).notice("start")
    story.wait(1).sweep({A: DOWN})
    story.live(A, TEMPFAIL, count=100, at=story.now - timedelta(hours=1))
    story.confirm({A: DOWN})
    assert isinstance(story.decide(), Switchover)
