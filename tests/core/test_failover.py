"""What keeps a move from being made, and what lets it through."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.decision.failover import Stay, Switchover
from service.decision.route import simple_route
from tests.core.story import DOWN, POLICY, SUSPENDED, TEMPFAIL, A, B, C, Story


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
