"""What keeps a move from being made, what lets it through, and how mail comes back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from probes.observation import Signal
from service.decision.failover import Stay, Switchover
from service.decision.policy import Failback, Mode
from service.decision.route import simple_route
from tests.core.story import DOWN, POLICY, SUSPENDED, TEMPFAIL, A, B, C, Story


def failed_over(fault: dict = DOWN, story: Story | None = None) -> Story:
    story = (story or Story()).warm()
    story.sweep({A: fault})
    story.confirm({A: fault})
    story.apply()
    assert story.route.active == B
    return story


def until_move(story: Story, sweeps: int = 200) -> Switchover:
    for _ in range(sweeps):
        story.wait(60).sweep()
        decision = story.decide()
        if isinstance(decision, Switchover):
            return decision
    raise AssertionError(story.decide())


def test_nothing_happens_while_all_is_well() -> None:
    stay = Story().warm().decide()
    assert isinstance(stay, Stay)
    assert (stay.rule, stay.alert, stay.blocked_by) == ("healthy", False, ())


def test_unknown_is_not_degraded() -> None:
    story = Story()
    assert story.status(A) == "unknown"
    assert story.decide().rule == "unknown"
    story.warm()
    story.wait(POLICY.evidence_lifetime_seconds + 1)
    assert "out of date" in story.decide().reason
    assert story.decide().rule == "unknown"
    assert story.status(A, "gmail") == "unknown"


def test_never_to_a_provider_that_was_not_seen_to_work_since_the_fault() -> None:
    story = Story().warm()
    for _ in range(3):
        story.session(A, TEMPFAIL)
        story.wait(3)
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert stay.rule == "no-better-provider"
    assert f"{B} has not been seen to take mail since" in stay.reason
    story.session(C)
    assert story.decide().route.providers == (C, B, A)


def test_never_to_a_provider_that_has_just_failed_itself() -> None:
    story = Story(policy=replace(POLICY, providers=(A, B)), route=simple_route(A, B)).warm()
    for _ in range(3):
        story.session(A, TEMPFAIL)
        story.wait(3)
    story.session(B)
    story.wait(1).session(B, TEMPFAIL)
    assert f"{B} itself failed" in story.decide().reason


def test_a_move_for_placement_needs_a_target_seen_to_reach_the_inbox() -> None:
    story = Story().warm()
    for _ in range(4):
        story.round({A: "spam"}, only=(A, C))
        story.wait(100).sweep()
    assert story.decide().route.active == C  # B is preferred, but its placement has not been seen


def test_a_less_severe_provider_is_taken_and_equally_bad_ones_are_not() -> None:
    story = Story(policy=replace(POLICY, providers=(A, B)), route=simple_route(A, B)).warm()
    for _ in range(3):
        story.round({B: "late"})
    assert story.health(B).severity == "late"
    story.sweep({A: TEMPFAIL})
    story.confirm({A: TEMPFAIL})
    assert story.apply().route.active == B
    story.wait(1000)
    assert story.decide().rule == "no-better-provider"
    assert f"{A} is no better (refusing)" in story.decide().reason


def test_mail_leaves_a_provider_that_is_no_longer_configured() -> None:
    story = Story(route=simple_route("gone", A)).warm()
    assert (story.decide().rule, story.decide().route.active) == ("not-configured", A)


@pytest.mark.parametrize("fault", [DOWN, "spam"])
def test_an_expired_fault_is_not_brought_back_by_a_good_result(fault: object) -> None:
    story = Story().warm()
    story.sweep({A: fault} if isinstance(fault, dict) else None)
    story.round({A: fault})
    story.confirm({A: fault} if isinstance(fault, dict) else None, {A: fault})
    assert story.status(A) == "degraded"
    story.wait(POLICY.evidence_lifetime_seconds + 1)
    assert story.status(A) == "unknown"
    story.session(B)
    story.session(A)
    story.round()
    assert story.status(A) == "healthy"
    assert story.decide().rule == "healthy"


def test_an_expired_suspicion_is_no_suspicion() -> None:
    story = Story().warm()
    story.round({(A, "gmail-1"): "spam"})
    story.session(A, DOWN)
    assert story.status(A) == "suspect"
    story.wait(POLICY.evidence_lifetime_seconds + 1)
    assert story.status(A) == "unknown"
    story.session(A, DOWN)
    assert story.state.providers[A].trouble.streak.count == 1


# Overrides.


def test_a_pause_holds_every_automatic_move_and_says_who_ordered_it() -> None:
    story = Story().warm()
    until = (story.now + timedelta(hours=1)).isoformat()
    story.notice("override", verb="pause", until=until, actor="ada", reason="maintenance")
    story.sweep({A: SUSPENDED})
    story.confirm({A: SUSPENDED})
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert (stay.rule, stay.alert) == ("pause", True)
    assert "by ada (maintenance)" in stay.blocked_by[0]
    assert "15:02:00 UTC" in stay.reason
    story.wait(3600).sweep({A: SUSPENDED})
    assert isinstance(story.decide(), Switchover)


@pytest.mark.parametrize(("verb", "end"), [("pause", "resume"), ("pin", "unpin"), ("drain", "undrain")])
def test_every_override_can_be_taken_back(verb: str, end: str) -> None:
    story = Story().warm()
    story.notice("override", verb=verb, provider=A)
    assert [o.verb for o in story.state.context.overrides] == [verb]
    story.notice("override", verb=verb, provider=A, reason="again")
    assert [o.reason for o in story.state.context.overrides] == ["again"]
    story.notice("override", verb=end)
    assert story.state.context.overrides == ()


def test_a_pin_keeps_mail_where_a_person_put_it() -> None:
    story = Story().warm()
    story.notice("override", verb="pin", provider=A)
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert story.decide().rule == "pin"
    assert f"pinned to {A}" in story.decide().reason


def test_a_drained_provider_is_left_and_is_no_target() -> None:
    story = Story().warm()
    story.notice("override", verb="drain", provider=A)
    story.notice("override", verb="drain", provider=B)
    move = story.decide()
    assert isinstance(move, Switchover)
    assert (move.rule, move.route.providers) == ("drained", (C, A, B))
    story.apply()
    story.wait(60).sweep({C: DOWN})
    story.confirm({C: DOWN})
    assert "mailgun is drained; sendgrid is drained" in story.decide().reason
    story.notice("override", verb="undrain", provider=B)
    assert story.decide().route.active == B


# Hold-down, penalty, brake, failed applies.


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


# Failback.


def test_the_preferred_provider_earns_its_return_by_good_checks_and_hold_down() -> None:
    story = failed_over()
    left = story.now
    move = until_move(story)
    assert (move.trigger, move.rule, move.route.providers) == ("failback", "failback", (A, B, C))
    assert (story.now - left).total_seconds() >= POLICY.hold_down_seconds
    assert f"{A} is preferred and has earned its return" in move.reason


def test_before_that_it_says_how_far_it_has_come() -> None:
    story = failed_over()
    story.wait(60).sweep()
    assert story.status(A) == "recovering"
    assert "1 of 6 good results in a row" in story.health(A).reason
    story.wait(60).sweep({A: DOWN})
    assert story.status(A) == "degraded"
    for _ in range(7):
        story.wait(60).sweep()
    assert story.decide().rule == "hold-down"


def test_a_misplacing_provider_returns_on_placement_not_on_session_checks() -> None:
    story = Story().warm()
    story.round({A: "spam"})
    story.confirm(fates={A: "spam"})
    story.apply()
    for _ in range(60):
        story.wait(60).sweep()
    assert isinstance(story.decide(), Stay)
    assert story.status(A) == "degraded"
    for _ in range(POLICY.failback_rounds):
        story.wait(60).sweep()
        story.round()
    assert story.decide().trigger == "failback"


def test_after_an_account_fault_it_returns_only_once_acknowledged() -> None:
    story = failed_over(SUSPENDED)
    for _ in range(60):
        story.wait(60).sweep()
    stay = story.decide()
    assert isinstance(stay, Switchover)  # back into the list of standbys, as it takes mail again
    assert (stay.rule, stay.route.providers) == ("standby-order", (B, C, A))
    story.apply()
    stay = story.decide()
    assert (stay.rule, story.health(A).needs_ack) == ("account-fault", True)
    story.notice("override", verb="ack", provider=C)
    assert story.health(A).needs_ack
    story.notice("override", verb="ack", provider=A)
    assert story.decide().trigger == "failback"


def test_an_account_failed_provider_that_works_again_may_still_take_over_in_need() -> None:
    story = failed_over(SUSPENDED)
    for _ in range(10):
        story.wait(60).sweep()
    assert story.apply().route.providers == (B, C, A)
    story.sweep({B: DOWN, C: DOWN})
    story.confirm({B: DOWN, C: DOWN})
    assert story.decide().route.active == A


def test_an_unacknowledged_one_does_not_keep_the_next_preferred_from_returning() -> None:
    story = failed_over(SUSPENDED)
    story.sweep({B: DOWN})
    story.confirm({B: DOWN})
    assert story.apply().route.active == C
    while (move := until_move(story)).rule == "standby-order":
        story.apply(move)
    assert (move.trigger, move.route.active) == ("failback", B)


def test_a_preferred_provider_that_was_never_ill_earns_its_return_too() -> None:
    story = Story().warm()
    story.switched((B, A, C), trigger="manual")
    story.route = simple_route(B, A, C)
    assert story.decide().rule == "healthy"
    for _ in range(POLICY.failback_rounds):
        story.wait(60).sweep()
    assert story.decide().trigger == "failback"


def test_failback_off_leaves_mail_where_it_is() -> None:
    story = failed_over(story=Story(policy=replace(POLICY, failback=Failback.OFF)))
    for _ in range(120):
        story.wait(60).sweep()
        assert isinstance(story.decide(), Stay)


def test_a_drained_preferred_provider_does_not_return() -> None:
    story = failed_over()
    story.notice("override", verb="drain", provider=A)
    for _ in range(60):
        story.wait(60).sweep()
        assert isinstance(story.decide(), Stay)


# The order behind the active provider.


def test_a_dead_standby_moves_last_without_counting_as_a_move() -> None:
    story = failed_over(story=Story(policy=replace(POLICY, hold_down_seconds=7200.0)))
    assert story.route.providers == (B, C, A)
    story.sweep({C: SUSPENDED, A: DOWN})
    story.confirm({C: SUSPENDED, A: DOWN})
    move = story.apply()
    assert (move.rule, move.route.providers) == ("standby-order", (B, A))
    assert len(story.state.context.moves) == 1
    assert "sendgrid stays first" in move.reason


def test_a_dead_standby_in_front_of_a_working_one_changes_places() -> None:
    story = Story().warm()
    story.sweep({B: DOWN})
    story.confirm({B: DOWN})
    assert story.apply().route.providers == (A, C, B)
    for _ in range(30):
        story.wait(60).sweep()
        assert isinstance(story.decide(), Stay)  # recovered, but its place is left for the next move


def test_a_standby_that_merely_got_worse_waits_for_the_next_move() -> None:
    story = Story().warm()
    for _ in range(3):
        story.round({B: "spam"})
    assert story.status(B) == "degraded"
    assert isinstance(story.decide(), Stay)
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert story.decide().route.providers == (C, B, A)


def test_a_paused_daemon_leaves_the_standbys_alone() -> None:
    story = Story().warm()
    story.notice("override", verb="pause")
    story.sweep({B: DOWN})
    story.confirm({B: DOWN})
    assert isinstance(story.decide(), Stay)


def test_the_standbys_order_is_told_once_in_observe_mode() -> None:
    story = Story(policy=replace(POLICY, mode=Mode.OBSERVE)).warm()
    story.sweep({B: DOWN})
    story.confirm({B: DOWN})
    story.apply(outcome="observed", enforced="no")
    assert isinstance(story.decide(), Stay)
