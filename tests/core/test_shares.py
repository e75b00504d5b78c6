"""Shares of the mail: a canary on its way back, standbys kept warm, caps, ramps; never jittery, never unsafe."""

from dataclasses import replace

import pytest

from service.decision.capacity import capacity
from service.decision.failover import Stay, Switchover
from service.decision.moves import CANARY, CANARY_WITHDRAWN, SHARE_WITHDRAWN, SHARES
from service.decision.plan import plan
from service.decision.policy import Failback, Mode
from service.decision.route import Lane, Route, Share, ShareKind, simple_route
from service.decision.safety import refusals
from tests.core.failed_over import failed_over
from tests.core.story import DOWN, POLICY, SUSPENDED, TEMPFAIL, A, B, C, Story

SHARING = replace(POLICY, shares=True, share_step_seconds=300.0)


def shares(route: Route, receiver: str = "*") -> dict[str, int]:
    return {share.provider: share.percent for share in route.lane(receiver).shares}


def busy(story: Story, provider: str, messages: int = 5000, receiver: str = "gmail") -> Story:
    story.live(provider, count=messages, receiver=receiver)
    return story


def minutes(story: Story, count: int, faults: dict | None = None, live: str | None = None) -> list[Switchover]:
    """Let minutes pass with sweeps, carry out every change at once, and return them."""
    made = []
    for _ in range(count):
        story.wait(60).sweep(faults)
        if live is not None:
            story.live(live, count=5)
        while isinstance(found := story.decide(), Switchover):
            assert not refusals(plan(story.route, found.route), story.state, story.policy, story.now, found.trigger)
            made.append(story.apply(found))
            assert len(made) < 50
    return made


def returning() -> Story:
    """Return the story of a provider that has just got its first canary share back."""
    story = failed_over(story=Story(policy=SHARING))
    while not minutes(story, 1):
        assert story.now.hour < 16
    assert shares(story.route) == {A: 10}
    return story


# The canary.


def test_a_preferred_provider_returns_by_ten_then_fifty_percent_then_whole() -> None:
    story = failed_over(story=Story(policy=SHARING))
    steps = minutes(story, 90, live=A)
    assert [(m.rule, m.trigger, m.to, shares(m.route)) for m in steps] == [
        (CANARY, "failback", B, {A: 10}),
        (CANARY, "failback", B, {A: 50}),
        ("failback", "failback", A, {}),
    ]
    assert f"{A} is preferred and has earned its return" in steps[0].reason
    assert "It gets 10 % of the mail now" in steps[0].reason
    assert f"{A} has carried 10 % of the mail well since" in steps[1].reason
    assert [m.trigger for m in story.state.context.moves] == ["automatic", "failback"]  # share changes are no moves


def test_steps_wait_for_live_mail_through_the_canary_or_three_times_as_long() -> None:
    story = returning()
    began = story.now
    assert minutes(story, 5) == []
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert (stay.rule, "live mail" in stay.reason) == (CANARY, True)
    assert len(minutes(story, 11)) == 1
    assert (story.now - began).total_seconds() >= 3 * 300
    second = story.now
    minutes(story, 5, live=A)
    assert (story.now - second).total_seconds() == 300
    assert story.route == simple_route(A, B, C)


def test_a_canary_that_fails_loses_its_share_at_once_and_waits_longer_each_time() -> None:
    story = returning()
    waits = []
    for _ in range(3):
        story.wait(60).sweep({A: DOWN})
        assert isinstance(story.decide(), Stay)  # one failed check takes nothing away
        story.confirm({A: DOWN})
        gone = story.apply()
        assert (gone.rule, shares(gone.route), gone.to) == (CANARY_WITHDRAWN, {}, B)
        assert "failed 2 times in a row" in gone.reason or "degraded" in gone.reason
        left = story.now
        while not minutes(story, 1):
            assert (story.now - left).total_seconds() < 4 * 3600
        waits.append((story.now - left).total_seconds())
        assert shares(story.route) == {A: 10}
    assert waits[0] >= POLICY.hold_down_seconds
    assert waits[0] < waits[1] < waits[2]
    assert len(story.state.context.moves) == 1


@pytest.mark.parametrize("fate", ["spam", "missing"])
def test_a_canary_whose_probes_fare_worse_loses_its_share(fate: str) -> None:
    story = returning()
    story.round({A: fate})
    assert story.apply().rule == CANARY_WITHDRAWN
    assert shares(story.route) == {}


@pytest.mark.parametrize("verb", ["drain", "pause", "pin"])
def test_orders_bind_the_canary(verb: str) -> None:
    story = returning()
    story.notice("override", verb=verb, provider=A if verb == "drain" else B)
    decision = story.decide()
    if verb == "drain":
        assert isinstance(decision, Switchover)
        assert (decision.rule, shares(decision.route)) == (CANARY_WITHDRAWN, {})
    else:
        assert minutes(story, 60, live=A) == []
        decision = story.decide()
        first = {"pin": f"The route is pinned to {B}", "pause": "Automation is paused"}[verb]
        assert decision.reason.startswith(first)  # not with what the canary would get
        assert decision.reason.endswith("Until then the order and the shares of mail stay as they are.")


def test_a_canary_in_good_health_takes_over_when_the_active_one_dies() -> None:
    story = returning()
    story.wait(60).sweep({B: DOWN})
    story.confirm({B: DOWN})
    move = story.apply()
    assert (move.to, move.trigger, shares(move.route)) == (A, "automatic", {})


def test_an_account_fault_gets_no_share_back_before_it_is_acknowledged() -> None:
    story = failed_over(SUSPENDED, story=Story(policy=SHARING))
    story.policy = replace(SHARING, warm_shares=((A, 5), (C, 3)))
    changes = minutes(story, 90)
    assert changes
    assert all(A not in shares(m.route) for m in changes)
    assert shares(story.route) == {C: 3}
    story.notice("override", verb="ack", provider=A)
    assert shares(minutes(story, 2)[0].route) == {A: 10, C: 3}


def test_a_suspicion_holds_the_canary_where_it_is() -> None:
    story = returning()
    story.wait(400).sweep({A: TEMPFAIL})
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert stay.rule == CANARY
    assert "no more while it is suspected" in stay.reason


def test_after_a_restart_the_canary_stays_until_evidence_is_in() -> None:
    story = returning()
    story.wait(5).notice("start")
    assert isinstance(story.decide(), Stay)
    story.wait(5).sweep()
    assert minutes(story, 3) == []
    assert shares(story.route) == {A: 10}


def test_failback_off_and_an_installation_without_shares_share_nothing() -> None:
    story = failed_over(story=Story(policy=replace(SHARING, failback=Failback.OFF)))
    assert minutes(story, 60, live=A) == []
    story = failed_over()
    assert [(m.rule, shares(m.route)) for m in minutes(story, 60)] == [("failback", {})]


def test_shares_that_can_no_longer_be_rendered_end() -> None:
    story = returning()
    story.policy = replace(story.policy, shares=False)
    made = minutes(story, 10)
    assert shares(story.route) == {}
    assert made[0].rule in (SHARES, "failback")


def test_observe_mode_tells_the_first_step_and_goes_no_further() -> None:
    story = failed_over(story=Story(policy=SHARING))
    story.policy = replace(SHARING, mode=Mode.OBSERVE)
    told = []
    for _ in range(60):
        story.wait(60).sweep()
        if isinstance(found := story.decide(), Switchover):
            told.append(story.apply(found, outcome="observed", enforced="no"))
    assert [(m.rule, shares(m.route)) for m in told] == [(CANARY, {A: 10})]


# Warm standbys.


def test_a_proven_standby_is_kept_warm_and_an_ill_one_is_not() -> None:
    story = Story(policy=replace(SHARING, warm_shares=((B, 2), (C, 3)))).warm()
    first = story.apply()
    assert (first.rule, shares(first.route), first.to) == (SHARES, {B: 2, C: 3}, A)
    assert "kept warm" in first.reason
    story.wait(60).sweep({B: DOWN})
    story.confirm({B: DOWN})
    assert shares(story.apply().route) == {C: 3}
    assert story.state.context.moves == ()
    assert minutes(story, 4) == []  # well again, but not given anew within the step
    assert shares(story.route) == {C: 3}


def test_an_unproven_standby_is_not_warmed() -> None:
    story = Story(policy=replace(SHARING, warm_shares=((B, 2), (C, 3))))
    for _ in range(3):
        story.wait(60).sweep(only=(A, C))
    assert shares(story.apply().route) == {C: 3}


def test_a_move_takes_the_warm_shares_along() -> None:
    story = Story(policy=replace(SHARING, warm_shares=((B, 2), (C, 3)))).warm()
    story.apply()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert minutes(story, 0) == []
    move = story.decide()
    assert isinstance(move, Switchover)
    while move.rule != "refusing":
        story.apply(move)
        move = story.decide()
        assert isinstance(move, Switchover)
    assert (move.to, shares(move.route)) == (B, {C: 3})


def test_a_flapping_standby_gets_its_share_back_later_each_time() -> None:
    story = Story(policy=replace(SHARING, warm_shares=((C, 3),))).warm()
    story.apply()
    waits = []
    for _ in range(3):
        story.wait(60).sweep({C: DOWN})
        story.confirm({C: DOWN})
        gone = story.apply()
        assert (gone.rule, shares(gone.route)) == (SHARE_WITHDRAWN, {})
        left = story.now
        while not minutes(story, 1):
            assert (story.now - left).total_seconds() < 4 * 3600
        waits.append((story.now - left).total_seconds())
        assert shares(story.route) == {C: 3}
    assert waits[0] >= POLICY.hold_down_seconds
    assert waits[0] < waits[1] < waits[2]


def test_a_spoilt_share_ends_though_the_active_provider_cannot_be_left() -> None:
    story = Story(policy=replace(SHARING, providers=(A, B), warm_shares=((B, 3),)), route=simple_route(A, B)).warm()
    story.apply()
    for _ in range(4):
        story.notice("control", ok="yes")
        story.wait(60).sweep(dict.fromkeys((A, B), TEMPFAIL))
    gone = story.apply()
    assert (gone.rule, gone.to, shares(gone.route)) == (SHARE_WITHDRAWN, A, {})
    assert story.decide().rule == "no-better-provider"


def test_a_route_with_providers_no_longer_configured_is_put_right() -> None:
    policy = replace(SHARING, providers=(A, B), hourly_caps=((A, 10),))
    story = busy(Story(policy=policy).warm(), A)
    gone = Share(provider="gone", percent=10, kind=ShareKind.CANARY)
    story.route = Route(lanes=(Lane(providers=(A, "gone", B), shares=(gone,)),))
    first = story.apply()
    assert (first.rule, "gone is not configured any more" in first.reason) == (CANARY_WITHDRAWN, True)
    minutes(story, 20)
    assert set(story.route.providers) == {A, B}
    assert set(shares(story.route)) == {B}


# Caps and ramps.


def test_what_a_cap_leaves_over_goes_to_the_others_in_steps() -> None:
    story = busy(Story(policy=replace(SHARING, hourly_caps=((A, 3000), (B, 1000)))).warm(), A)
    first = story.apply()
    assert shares(first.route) == {B: 20, C: 20}  # 5,000 an hour: 60 % for A, 20 % for B, the rest for C
    assert [s.kind for s in first.route.lanes[0].shares] == [ShareKind.OVERFLOW] * 2
    busy(story, A, 200)
    assert minutes(story, 10) == []  # a little more mail changes nothing


def test_without_anybody_to_take_it_nothing_is_shed() -> None:
    story = busy(Story(policy=replace(SHARING, hourly_caps=((A, 3000),))).warm(), A)
    story.sweep({B: DOWN, C: DOWN})
    story.confirm({B: DOWN, C: DOWN})
    assert isinstance(story.decide(), Stay)


def test_a_move_ramps_where_the_policy_says_so() -> None:
    story = Story(policy=replace(SHARING, ramp_shares=(25, 50))).warm()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    move = story.apply()
    assert (move.to, shares(move.route)) == (B, {C: 75})
    later = minutes(story, 12, {A: DOWN})
    assert [shares(m.route) for m in later] == [{C: 50}, {}]


def test_a_plan_says_whether_the_target_can_carry_todays_volume() -> None:
    story = Story(policy=replace(SHARING, hourly_caps=((B, 1000),))).warm()

    def told(to: str, route: Route) -> str:
        return capacity(to, route, "*", story.state, story.policy, story.now)

    assert "not known; sendgrid may carry 1000 an hour" in told(B, simple_route(B, A, C))
    busy(story, A, 900)
    assert told(B, simple_route(B, A, C)).startswith("sendgrid can carry it all: the busiest hour lately had 900")
    busy(story, A, 4100)
    assert told(B, simple_route(B, A, C)).startswith("sendgrid cannot carry it all")
    relief = Route(lanes=(Lane(providers=(B, A), shares=(Share(provider=A, percent=80, kind=ShareKind.OVERFLOW),)),))
    assert "the overflow goes to others: mailgun 80 %" in told(B, relief)
    assert told(A, simple_route(A)) == "mailgun has no max_per_hour; the busiest hour lately had 5000 messages."


# Safety.


def share(provider: str, percent: int, kind: ShareKind = ShareKind.WARM) -> Share:
    return Share(provider=provider, percent=percent, kind=kind)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ((share(A, 5),), "bad-shares"),
        ((share(B, 60), share(C, 40)), "bad-shares"),
        ((share(B, 0),), "bad-shares"),
        ((share(B, 5), share(B, 6)), "bad-shares"),
        ((share("nosuch", 5),), "bad-shares"),
        ((share(B, 5, ShareKind.CANARY), share(C, 5, ShareKind.CANARY)), "bad-shares"),
    ],
)
def test_shares_that_make_no_sense_cannot_be_forced(given: tuple[Share, ...], rule: str) -> None:
    story = Story(policy=SHARING).warm()
    wanted = Route(lanes=(Lane(providers=(A, B, C), shares=given),))
    found = refusals(plan(story.route, wanted), story.state, SHARING, story.now, "manual")
    assert [(r.rule, r.forceable) for r in found] == [(rule, False)]


def test_shares_need_an_installation_that_can_and_a_provider_that_works() -> None:
    story = Story(policy=SHARING).warm()
    wanted = Route(lanes=(Lane(providers=(A, B, C), shares=(share(B, 5),)),))
    assert refusals(plan(story.route, wanted), story.state, SHARING, story.now, "automatic") == ()
    without = refusals(plan(story.route, wanted), story.state, POLICY, story.now, "automatic")
    assert [r.rule for r in without] == ["no-shares"]
    story.notice("override", verb="drain", provider=B)
    assert [r.rule for r in refusals(plan(story.route, wanted), story.state, SHARING, story.now, "manual")] == [
        "unfit-share"
    ]
