"""What suspicion asks for, how often, and when failures that nothing explains stay open."""

from dataclasses import replace

import pytest

from probes.observation import Signal
from service.decision.failover import Stay
from service.decision.policy import Policy
from service.decision.route import simple_route
from service.decision.suspicion import SPARE_CONFIRMATIONS
from tests.core.story import DOWN, POLICY, SUSPENDED, TEMPFAIL, A, B, C, Story

REPUTATION = {"category": "reputation", "stage": "mail", "text": "550 listed"}


def test_a_confirmation_is_asked_of_the_suspect_and_its_candidates_after_the_spacing() -> None:
    story = Story().warm()
    story.sweep({A: DOWN})
    (wanted,) = story.wanted()
    assert (wanted.kind, wanted.provider, wanted.providers, wanted.receiver) == ("session", A, (A, B, C), None)
    assert (wanted.not_before - story.now).total_seconds() == POLICY.confirmation_spacing_seconds


def test_failures_of_one_sweep_or_too_close_together_are_one() -> None:
    story = Story().warm()
    for _ in range(5):
        story.session(A, TEMPFAIL, round="same")
        story.wait(60)
    for _ in range(5):
        story.session(A, TEMPFAIL)
        story.wait(0.3)
    assert story.state.providers[A].trouble.streak.count == 2


def test_confirmations_that_explain_nothing_end_with_the_budget() -> None:
    story = Story(policy=replace(POLICY, providers=(A, B))).warm()
    story.session(A, DOWN)
    asked = 0
    while story.wanted():
        story.now = story.wanted()[0].not_before
        story.session(A, DOWN, confirmation=True)  # B is never tried, so nothing clears our own network
        asked += 1
    assert asked == POLICY.confirmations + SPARE_CONFIRMATIONS
    assert story.status(A) == "suspect"
    assert story.health(A).severity == "none"
    story.session(B)
    assert story.status(A) == "degraded"  # now something else was reached meanwhile


def test_a_sibling_reached_long_after_the_last_failure_clears_nothing() -> None:
    story = Story(policy=replace(POLICY, providers=(A, B))).warm()
    for _ in range(4):
        story.session(A, DOWN)
        story.wait(3)
    story.wait(40).session(B)
    assert story.status(A) == "suspect"


def test_confirmations_that_show_nothing_are_spent_too() -> None:
    story = Story().warm()
    story.session(A, DOWN)
    for _ in range(POLICY.confirmations + SPARE_CONFIRMATIONS):
        story.wait(2).observe(A, Signal.SESSION, None, round=story.name("x"), confirmation=True)
    assert story.wanted() == ()
    story.observe("gone", Signal.SESSION, None)
    story.observe(A, Signal.SESSION, None)


def test_a_confirmation_round_is_one_however_many_seeds_it_has() -> None:
    story = Story().warm()
    late = {**TEMPFAIL, "stage": "data"}
    story.round({A: late})
    story.round({A: late}, confirmation=True)
    assert story.state.providers[A].trouble.asked == 1


def test_a_suspicion_whose_evidence_has_expired_asks_for_nothing() -> None:
    story = Story().warm()
    story.round({(B, "gmail"): "spam"})
    story.session(A, DOWN)
    assert len(story.wanted()) == 2
    story.wait(POLICY.evidence_lifetime_seconds + 1)
    assert story.wanted() == ()


def test_without_seeds_failures_after_rcpt_are_confirmed_by_session_checks() -> None:
    story = Story(policy=Policy(providers=(A, B), seeds=()))
    story.sweep()
    story.live(A, {**TEMPFAIL, "stage": "data"})
    assert [w.kind for w in story.wanted()] == ["session"]


def test_the_worst_suspect_is_named_and_a_confirmed_one_needs_no_more() -> None:
    story = Story().warm()
    story.sweep({A: DOWN})
    story.wait(2).sweep({A: DOWN, B: DOWN}, confirmation=True)
    assert story.wanted()[0].provider == A
    story.wait(2).sweep({A: DOWN, B: DOWN}, confirmation=True)
    assert story.wanted()[0].provider == B


def test_a_refusal_that_may_be_the_message_s_fault_counts_once_a_sibling_takes_the_same() -> None:
    story = Story().warm()
    for _ in range(3):
        story.session(A, REPUTATION)
        story.wait(2)
    assert story.status(A) == "suspect"
    story.session(B)
    assert story.status(A) == "degraded"


def test_pending_failures_are_dropped_when_nothing_laid_them_at_the_provider_s_door() -> None:
    story = Story(policy=replace(POLICY, providers=(A, B)))
    story.session(B)
    story.wait(60).session(A, DOWN)
    assert len(story.state.providers[A].trouble.pending) == 1
    story.wait(60).session(A)
    assert story.state.providers[A].trouble.pending == ()
    assert story.health(A).signals[Signal.SESSION].bad == 0


def test_pending_failures_count_when_a_sibling_was_reached_meanwhile() -> None:
    story = Story(policy=replace(POLICY, providers=(A, B)))
    story.wait(60).session(A, DOWN)
    story.wait(40).session(B)  # too late to clear by itself
    story.wait(1).session(A)
    assert story.health(A).signals[Signal.SESSION].bad == 1


def test_one_after_rcpt_is_not_forgiven_by_a_session_check() -> None:
    story = Story().warm()
    story.round({A: {**TEMPFAIL, "stage": "end-of-data"}})
    story.wait(1).sweep()
    assert story.status(A) == "suspect"
    story.round()
    assert story.status(A) == "healthy"


def test_a_fault_seen_after_rcpt_is_disproved_by_messages() -> None:
    story = Story().warm()
    says = {**TEMPFAIL, "stage": "end-of-data"}
    story.round({A: says})
    story.confirm(fates={A: says})
    for _ in range(POLICY.failback_rounds):
        story.wait(60).round()
    assert story.status(A) == "healthy"


def test_good_results_of_one_sweep_are_one_step_of_the_way_back() -> None:
    story = Story().warm()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    for _ in range(10):
        story.session(A, round="same")
    assert story.health(A).good_run == 1
    for _ in range(10):
        story.wait(0.1).session(A)
    assert story.health(A).good_run == 1


def test_a_confirmed_fault_that_goes_on_keeps_its_beginning_and_takes_no_heed_of_old_log_lines() -> None:
    story = Story().warm()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    story.wait(60).sweep({A: DOWN})
    story.wait(60).sweep()
    story.live(A, DOWN)
    assert story.health(A).good_run == 1
    story.wait(60).sweep({A: SUSPENDED})
    fault = story.state.providers[A].trouble.fault
    assert (fault.count, fault.account, fault.good_run) == (4, True, 0)


def test_live_failures_that_alarm_are_disproved_by_probes_when_live_mail_has_left() -> None:
    story = Story(policy=replace(POLICY, false_moves_per_year=52.0)).warm()
    for _ in range(40):
        story.wait(60).sweep()
        story.live(A, TEMPFAIL, count=50)
        story.live(A, count=50)
        story.confirm()
    assert story.health(A).severity == "refusing"
    for _ in range(POLICY.failback_rounds):
        story.wait(60).sweep()
    assert story.status(A) == "healthy"


@pytest.mark.parametrize("after_rcpt", [True, False])
def test_live_failures_after_rcpt_are_disproved_by_messages_only(after_rcpt: bool) -> None:
    story = Story(policy=replace(POLICY, false_moves_per_year=52.0)).warm()
    says = {**TEMPFAIL, "stage": "end-of-data" if after_rcpt else "rcpt"}
    while story.health(A).severity == "none":
        story.wait(60).live(A, says, count=100)
        if story.state.providers[A].trouble.streak:
            story.round(receiver="gmail", confirmation=True)
    for _ in range(POLICY.failback_rounds):
        story.wait(60).sweep()
    assert (story.status(A) == "healthy") is not after_rcpt
    for _ in range(POLICY.failback_rounds):
        story.wait(60).round()
    assert story.status(A) == "healthy"


def test_the_control_check_that_had_nothing_to_check_says_nothing() -> None:
    story = Story().warm()
    before = story.state.context
    story.notice("control", ok="unknown")
    assert story.state.context == before


def test_all_fail_but_not_alike_so_nobody_is_cleared_and_nothing_is_local() -> None:
    story = Story(policy=replace(POLICY, providers=(A, B)), route=simple_route(A, B)).warm()
    story.session(A, REPUTATION)
    story.session(B, DOWN)
    assert story.state.context.local is None
    assert isinstance(story.decide(), Stay)
