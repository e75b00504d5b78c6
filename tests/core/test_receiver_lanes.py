"""A way of its own for one receiver's mail; and faults weighed by whose mail they touch."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.cycle import Seen, judge
from service.decision.explain import explain
from service.decision.failover import Stay, Switchover
from service.decision.plan import plan
from service.decision.route import Lane, Route, Share, ShareKind
from service.decision.route_text import route_detail, route_of_detail
from service.decision.safety import refusals
from tests.core.story import DOWN, POLICY, RECEIVERS, SUSPENDED, A, B, C, Story

LANES = replace(POLICY, lane_receivers=RECEIVERS)
SPAM_AT_GMAIL = {(A, "gmail"): "spam"}


def spread(story: Story, fates: dict, most: int = 14) -> Switchover:
    """Run rounds with these fates until something is to be changed."""
    for _ in range(most):
        story.wait(600).sweep()
        story.round(fates)
        story.confirm(fates=fates)
        if isinstance(found := story.decide(), Switchover):
            return found
    raise AssertionError(story.decide())


def apart(policy=LANES) -> Story:
    story = Story(policy=policy).warm()
    story.apply(spread(story, SPAM_AT_GMAIL))
    assert story.route.receivers == ("gmail",)
    return story


def test_only_the_mail_to_the_affected_receiver_moves() -> None:
    story = Story(policy=LANES).warm()
    move = spread(story, SPAM_AT_GMAIL)
    assert (move.receiver, move.to, move.rule, move.trigger) == ("gmail", B, "misplacing", "automatic")
    assert move.route.providers == (A, B, C)
    assert "at gmail" in move.reason
    assert move.reason.endswith("Only mail to gmail is concerned.")
    assert move.evidence
    assert not refusals(plan(story.route, move.route), story.state, LANES, story.now, move.trigger)
    story.apply(move)
    assert story.route.lane("gmail").active == B
    assert story.state.context.moves[-1].receiver == "gmail"
    assert isinstance(story.decide(), Stay)
    assert "a way of its own" in story.health(A).reason


def test_with_one_route_for_all_mail_everything_moves() -> None:
    story = Story().warm()
    move = spread(story, SPAM_AT_GMAIL)
    assert (move.receiver, move.route.receivers, move.to) == ("*", (), B)


def test_a_fault_at_most_receivers_moves_all_mail() -> None:
    story = Story(policy=LANES).warm()
    move = spread(story, {A: "spam"})
    assert (move.receiver, move.to) == ("*", B)


def test_a_lane_goes_to_a_provider_proven_at_that_receiver() -> None:
    story = Story(policy=LANES).warm()
    fates = {**SPAM_AT_GMAIL, (B, "gmail"): "spam"}
    move = spread(story, fates)
    assert (move.receiver, move.to) == ("gmail", C)


def test_a_lane_stays_when_all_are_equally_bad_there() -> None:
    story = Story(policy=LANES).warm()
    for _ in range(10):
        for name in (A, B, C):  # one after the other, so that each is to blame
            story.wait(300).sweep()
            story.round({(name, "gmail"): "spam"})
        if any(story.health(n, "gmail").severity == "none" for n in (A, B, C)):
            continue
        stay = story.decide()
        assert isinstance(stay, Stay)
        assert (stay.rule, stay.receiver, stay.alert) == ("no-better-provider", "gmail", True)
        return
    raise AssertionError([story.health(n, "gmail") for n in (A, B, C)])


def test_the_lane_ends_once_the_provider_of_all_other_mail_works_there_again() -> None:
    story = apart()
    assert isinstance(story.decide(), Stay)
    move = spread(story, {}, most=20)
    assert (move.receiver, move.to, move.trigger, move.rule) == ("gmail", A, "failback", "failback")
    assert move.route.receivers == ()
    assert f"{A} has earned the mail to gmail back" in move.reason


def test_it_returns_by_a_canary_where_shares_are_offered() -> None:
    story = apart(replace(LANES, shares=True, share_step_seconds=600.0))
    steps = []
    for _ in range(40):
        story.wait(600).sweep()
        story.round()
        story.live(A, count=3)
        if isinstance(found := story.decide(), Switchover):
            steps.append(story.apply(found))
    told = [(m.rule, m.receiver, m.route.lane("gmail").percent_of(A)) for m in steps]
    assert told == [("canary", "gmail", 10), ("canary", "gmail", 50), ("failback", "gmail", 100)]
    assert story.route == Route(lanes=story.route.lanes[:1])


def test_a_dead_provider_is_left_by_the_lane_too() -> None:
    story = apart()
    story.wait(60).sweep({B: DOWN})
    story.confirm({B: DOWN})
    move = story.decide()
    assert isinstance(move, Switchover)
    assert (move.receiver, move.to, move.rule) == ("gmail", C, "refusing")


def test_when_all_mail_goes_where_the_lane_leads_the_lane_ends() -> None:
    story = apart()
    story.wait(60).sweep({A: DOWN})
    story.confirm({A: DOWN})
    move = story.apply()
    assert (move.receiver, move.to, move.route.receivers) == ("*", B, ())


def test_an_account_fault_leaves_every_lane() -> None:
    story = apart()
    story.wait(60).sweep({B: SUSPENDED})
    story.confirm({B: SUSPENDED})
    first = story.apply()
    assert (first.receiver, first.to) == ("gmail", C)
    while isinstance(found := story.decide(), Switchover):
        story.apply(found)
        assert found.rule == "standby-order"
    assert all(B not in lane.providers for lane in story.route.lanes)


def test_each_lane_has_its_own_hold_down_and_all_share_one_brake() -> None:
    policy = replace(LANES, hold_down_seconds=86400.0, moves_per_hour=2)
    story = apart(policy)
    story.wait(60)
    for _ in range(3):
        story.round({A: "late"})
    while isinstance(story.decide(), Stay):
        story.wait(300).round({A: "late"})
    move = story.apply()
    assert (move.receiver, story.state.context.braked_at is not None) == ("*", True)


def test_a_pin_of_one_receivers_mail_holds_that_alone() -> None:
    story = Story(policy=LANES).warm()
    until = (story.now + timedelta(days=1)).isoformat()
    story.notice("override", verb="pin", provider=A, receiver="gmail", until=until)
    with pytest.raises(AssertionError, match="Mail to gmail is pinned to mailgun"):
        spread(story, SPAM_AT_GMAIL)
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert story.apply().receiver == "*"
    story.notice("override", verb="unpin")
    assert story.state.context.overrides == ()


def test_a_lane_that_can_no_longer_be_written_ends() -> None:
    story = Story().warm()
    story.route = Route(lanes=(Lane(providers=(A, B, C)), Lane(providers=(C, A, B), receiver="gmail")))
    move = story.decide()
    assert isinstance(move, Switchover)
    assert (move.rule, move.route.receivers) == ("no-receiver-lane", ())
    wanted = story.route
    refused = refusals(plan(None, wanted), story.state, story.policy, story.now, "manual")
    assert ("no-receiver-lane", False) in [(r.rule, r.forceable) for r in refused]


def test_explain_tells_the_way_of_each_lane_and_what_would_end_it() -> None:
    story = apart()
    found = explain(story.state, story.route, story.policy, story.now)
    assert found.route[1].startswith("Mail to gmail: sendgrid, relay, mailgun (since ")
    assert "Mail to gmail would go back to mailgun once that works there again." in found.would_change
    assert "automatic, mail to gmail, to sendgrid" in (found.last_move or "")


def test_a_lane_that_leads_where_all_mail_goes_ends_without_a_move() -> None:
    story = Story(policy=LANES).warm()
    story.route = Route(lanes=(Lane(providers=(A, B, C)), Lane(providers=(A, C, B), receiver="gmail")))
    end = story.apply()
    assert (end.rule, end.to, end.route.receivers) == ("rejoined", A, ())
    assert story.state.context.moves == ()


def test_a_lane_may_come_back_to_the_provider_of_all_mail_in_need() -> None:
    story = apart()
    story.policy = replace(story.policy, providers=(A, B))
    story.route = Route(lanes=(Lane(providers=(A, B)), Lane(providers=(B, A), receiver="gmail")))
    story.wait(60).sweep({B: DOWN}, only=(A, B))
    story.confirm({B: DOWN})
    move = story.decide()
    assert isinstance(move, Switchover)
    assert (move.receiver, move.to, move.rule, move.route.receivers) == ("gmail", A, "refusing", ())


def test_a_route_is_the_same_after_it_was_a_fact() -> None:
    story = apart(replace(LANES, shares=True))
    detail = route_detail(story.route)
    assert route_of_detail(detail["route"], detail["lanes"]) == story.route
    for text in ("", "not json", "{}", "[]", "[1]", "null"):
        assert route_of_detail(text) is None
    for lanes in ("[]", "[1]", '[{"receiver": "gmail", "providers": ["a"]}]', '[{"receiver": "*", "providers": []}]'):
        assert route_of_detail('["a"]', lanes) is None


# Weighed by the mail that is touched.


def with_mix(yahoo: int, gmail: int = 8000, microsoft: int = 2000) -> Story:
    story = Story(policy=replace(POLICY, least_affected_ratio=0.05)).warm()
    for receiver, count in (("gmail", gmail), ("microsoft", microsoft), ("yahoo", yahoo)):
        story.live(A, count=count, receiver=receiver)
    return story


def test_a_fault_that_touches_too_little_of_the_mail_moves_nothing_and_says_so() -> None:
    story = with_mix(yahoo=100)
    with pytest.raises(AssertionError):
        spread(story, {(A, "yahoo"): "spam"})
    assert story.status(A) == "degraded"
    assert story.status(A, "yahoo") == "degraded"
    assert story.status(A, "gmail") == "healthy"
    assert "that touches 1% of the mail, too little to move all of it" in story.health(A).reason


@pytest.mark.parametrize("yahoo", [0, 1500])
def test_a_fault_that_touches_enough_or_an_unknown_part_moves_all_mail(yahoo: int) -> None:
    assert spread(with_mix(yahoo), {(A, "yahoo"): "spam"}).to == B


def test_a_receiver_is_not_healthy_while_the_alarm_over_all_rests_on_its_mail() -> None:
    story = Story().warm()
    for _ in range(3):
        story.round({A: "spam"})
    assert story.status(A) == "degraded"
    assert [story.status(A, r) for r in RECEIVERS] == ["degraded"] * 3
    story = Story().warm()
    spread(story, SPAM_AT_GMAIL)
    assert [story.status(A, r) for r in RECEIVERS] == ["degraded", "healthy", "healthy"]
    assert story.health(A, "gmail").severity == "misplacing"


APART_TWICE = Route(
    lanes=(
        Lane(providers=(A, B, C), shares=(Share(provider=C, percent=10, kind=ShareKind.WARM),)),
        Lane(providers=(B, A, C), receiver="gmail", shares=(Share(provider=C, percent=5, kind=ShareKind.WARM),)),
        Lane(providers=(C, A, B), receiver="yahoo"),
    )
)
CONFIGURED_ANEW = {
    "a provider behind the first choice, who has a lane": {"providers": (A, B)},
    "the first choice for all mail": {"providers": (B, C)},
    "the first choice of one receiver": {"providers": (A, C)},
    "one receiver": {"lane_receivers": ("gmail",)},
    "all receivers": {"lane_receivers": ()},
    "shares": {"shares": False},
    "all of it": {"providers": (A, B), "lane_receivers": (), "shares": False},
}


@pytest.mark.parametrize("gone", CONFIGURED_ANEW)
def test_what_is_configured_no_more_leaves_every_lane_and_holds_up_nothing(gone: str) -> None:
    story = Story(policy=replace(LANES, shares=True)).warm()
    story.route = APART_TWICE
    story.policy = replace(story.policy, **CONFIGURED_ANEW[gone])
    for _ in range(8):
        seen = Seen(now=story.now, state=story.state, policy=story.policy, route=story.route, problem=None)
        verdict = judge(seen)
        assert verdict.kind in ("move", "stay"), verdict.sentence
        if verdict.move is None:
            break
        story.apply(verdict.move)
    assert verdict.kind == "stay"
    named = {name for lane in story.route.lanes for name in lane.providers}
    assert named <= set(story.policy.providers)
    assert set(story.route.receivers) <= set(story.policy.lane_receivers)
    assert story.policy.shares or not any(lane.shares for lane in story.route.lanes)
