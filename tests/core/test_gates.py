"""What makes a move that is due wait: hold-down, brake, back-off, a start; and observe mode."""

from dataclasses import replace

import pytest

from probes.observation import Signal
from service.decision.failover import Stay, Switchover
from service.decision.policy import Mode
from service.decision.route import simple_route
from tests.core.failed_over import failed_over, until_move
from tests.core.story import DOWN, POLICY, SUSPENDED, TEMPFAIL, A, B, C, Story


def test_hold_down_rests_moves_between_working_providers_but_not_from_a_dead_one() -> None:
    story = failed_over(story=Story(policy=replace(POLICY, hold_down_seconds=7200.0)))
    for _ in range(3):
        story.round({B: "spam"})
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert (stay.rule, stay.alert) == ("hold-down", True)
    story.sweep({B: DOWN, A: DOWN})
    story.confirm({B: DOWN, A: DOWN})
    assert story.decide().route.active == C


def test_an_acknowledgement_lifts_the_hold_down() -> None:
    story = failed_over(story=Story(policy=replace(POLICY, hold_down_seconds=7200.0)))
    for _ in range(3):
        story.round({B: "spam"})
    story.wait(1).notice("override", verb="ack", actor="ada")
    assert story.decide().route.active == C


def test_a_manual_move_arms_no_hold_down() -> None:
    story = Story().warm()
    story.switched((C, A, B), trigger="manual")
    story.route = simple_route(C, A, B)
    for _ in range(3):
        story.round({C: "spam"})
    assert isinstance(story.decide(), Switchover)


def test_repeated_ejections_make_the_return_later_and_the_penalty_decays() -> None:
    def wait_for_return(story: Story) -> float:
        story.sweep({A: DOWN})
        story.confirm({A: DOWN})
        story.apply()
        left = story.now
        story.apply(until_move(story))
        return (story.now - left).total_seconds()

    story = Story().warm()
    first = wait_for_return(story)
    second = wait_for_return(story.wait(60))
    assert first == pytest.approx(900, abs=120)
    assert second > 1.5 * first
    story.wait(12 * 3600).sweep()
    assert wait_for_return(story) == pytest.approx(900, abs=180)


def test_more_moves_than_the_brake_allows_stop_automation_until_a_person_acknowledges() -> None:
    policy = replace(POLICY, moves_per_hour=2, hold_down_seconds=0.0)
    story = Story(policy=policy).warm()
    for provider in (A, B):
        faults = dict.fromkeys((A, provider), TEMPFAIL)
        story.wait(60).sweep(faults)
        story.confirm(faults)
        story.apply()
    for _ in range(150):
        story.wait(60).sweep({A: TEMPFAIL, B: TEMPFAIL})
    story.sweep({C: TEMPFAIL})
    for _ in range(3):
        story.wait(3).sweep({C: TEMPFAIL})
    for _ in range(3):
        story.wait(60).sweep({C: TEMPFAIL})
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert stay.rule == "brake"
    assert "2 automatic moves within an hour" in stay.reason
    story.notice("override", verb="ack")
    assert isinstance(story.decide(), Switchover)


def test_a_failed_apply_is_tried_again_later_and_later() -> None:
    story = Story().warm()
    story.sweep({A: SUSPENDED})
    story.confirm({A: SUSPENDED})
    waits = []
    for _ in range(7):
        story.apply(outcome="failed")
        began = story.now
        while isinstance(story.decide(), Stay):
            assert story.decide().rule == "apply-failed"
            story.wait(5).sweep({A: SUSPENDED})
        waits.append((story.now - began).total_seconds())
    assert waits == [30, 60, 120, 240, 480, 900, 900]
    story.apply()
    assert story.state.context.failed_applies == 0


def test_an_unknown_outcome_and_an_unreadable_route_change_nothing() -> None:
    story = Story().warm()
    before = story.state.context
    story.switched((B,), outcome="intended")
    story.notice("switchover", outcome="applied", route="not json")
    story.notice("switchover", outcome="applied", route="{}")
    assert story.state.context == before


# After a start.


def test_after_a_start_every_provider_is_seen_first() -> None:
    story = Story().warm()
    story.sweep({A: SUSPENDED})
    story.confirm({A: SUSPENDED})
    story.wait(5).notice("start", version="1")
    assert story.status(B) == "unknown"
    assert story.status(A) == "degraded"
    assert (story.decide().rule, story.decide().alert) == ("start", False)
    story.session(B)
    story.session(A, SUSPENDED)
    stay = story.decide()
    assert stay.rule == "start"
    assert C in stay.reason
    story.session(C)
    assert story.decide().route.active == B


def test_a_provider_that_stays_silent_after_a_start_does_not_block_for_ever() -> None:
    story = Story().warm()
    story.notice("start")
    for _ in range(5):
        story.wait(60)
        story.session(A, TEMPFAIL)
        story.session(B)
    assert story.decide().route.active == B


def test_a_gap_voids_running_tests_and_keeps_confirmed_faults() -> None:
    story = failed_over()
    story.sweep({C: TEMPFAIL})
    story.round({B: "spam"})
    story.notice("gap", seconds="4000")
    assert story.status(A) == "degraded"
    assert story.status(C) == "unknown"
    assert story.wanted() == ()
    story.sweep()
    assert story.status(C) == "healthy"
    assert story.health(B).signals[Signal.PLACEMENT].score_ratio == 0


# Observe mode.


def test_observe_mode_decides_the_same_and_tells_each_move_once() -> None:
    story = Story(policy=replace(POLICY, mode=Mode.OBSERVE)).warm()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    move = story.apply(outcome="observed", enforced="no")
    assert move.route.active == B
    story.wait(60).sweep({A: DOWN})
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert (stay.rule, stay.blocked_by != ()) == ("observe", True)
    for _ in range(10):
        story.wait(60).sweep()
    assert story.decide().rule == "healthy"
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert isinstance(story.decide(), Switchover)  # another fault: told again
