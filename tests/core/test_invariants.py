"""What holds for whatever happens: histories drawn at random, folded, decided and carried out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.observation import Signal
from service.decision.candidate import freshness, unproven
from service.decision.explain import explain
from service.decision.failover import Stay, Switchover
from service.decision.fold import step
from service.decision.moves import NO_MOVES
from service.decision.override import drained
from service.decision.plan import plan
from service.decision.policy import Policy
from service.decision.route import Lane, ShareKind
from service.decision.safety import refusals
from service.decision.severity import Severity
from service.decision.standing import standing_of
from service.decision.state import initial_state, state_from_json, state_to_json
from tests.core.story import DOWN, POLICY, SUSPENDED, TEMPFAIL, A, B, C, Story

SHORT = replace(POLICY, hold_down_seconds=120.0, failback_rounds=2, moves_per_hour=3, evidence_lifetime_seconds=7200.0)
SHARED = replace(
    SHORT,
    shares=True,
    lane_receivers=("gmail", "microsoft", "yahoo"),
    failback_shares=(10, 50, 100),
    ramp_shares=(25, 50),
    share_step_seconds=30.0,
    warm_shares=((A, 3), (B, 5)),
    hourly_caps=((A, 40), (C, 60)),
)
policies = st.sampled_from((SHORT, SHARED))
FAULTS = (
    DOWN,
    SUSPENDED,
    TEMPFAIL,
    {**TEMPFAIL, "stage": "end-of-data"},
    {"category": "reputation", "stage": "mail", "text": "550 listed"},
    {"category": "recipient", "stage": "rcpt"},
    {"category": "tls", "stage": "tls"},
    {},
)
FATES = ("spam", "missing", "late", "unsearchable", "unauthenticated", *FAULTS)
providers = st.sampled_from((A, B, C))
some_faults = st.dictionaries(providers, st.sampled_from(FAULTS), max_size=3)
places = st.tuples(providers, st.sampled_from(("gmail", "yahoo")))
some_fates = st.dictionaries(
    providers | st.sampled_from(("gmail", "yahoo-1")) | places, st.sampled_from(FATES), max_size=3
)
events = st.one_of(
    st.tuples(st.just("sweep"), some_faults, st.booleans()),
    st.tuples(st.just("round"), some_fates, st.sampled_from((None, "gmail"))),
    st.tuples(st.just("session"), providers, st.none() | st.sampled_from(FAULTS)),
    st.tuples(st.just("live"), providers, st.none() | st.sampled_from(FAULTS)),
    st.tuples(st.just("confirm"), some_faults, st.none()),
    st.tuples(st.just("wait"), st.sampled_from((1, 30, 300, 4000, 9000)), st.none()),
    st.tuples(
        st.just("override"),
        st.sampled_from(("pause", "resume", "pin", "unpin", "drain", "undrain", "ack")),
        st.none() | providers,
    ),
    st.tuples(st.just("notice"), st.sampled_from(("start", "gap", "clock_jump", "policy")), st.none()),
    st.tuples(st.just("control"), st.sampled_from(("yes", "no", "unknown")), st.none()),
    st.tuples(st.just("apply"), st.sampled_from(("applied", "applied", "failed", "blocked")), st.none()),
)
histories = st.lists(events, min_size=1, max_size=20)
ill_first = st.sampled_from(((), ("spam",) * 3, (DOWN,) * 3, (SUSPENDED,) * 2, ("late",) * 3, ("missing",) * 3))


def play(story: Story, what: str, one: object, other: object) -> None:
    story.wait(3)
    match what:
        case "sweep":
            story.sweep(one, confirmation=bool(other))
        case "round":
            story.round(one, receiver=other)
        case "session":
            story.session(one, other)
        case "live":
            story.live(one, other, count=7)
        case "confirm":
            if story.wanted():
                story.sweep(one, confirmation=True)
        case "wait":
            story.wait(one)
        case "override":
            until = (story.now + timedelta(minutes=30)).isoformat()
            story.notice("override", verb=one, until=until, **({"provider": other} if other else {}))
        case "notice":
            story.notice(one)
        case "control":
            story.notice("control", ok=one)
        case "apply":
            decision = story.decide()
            if isinstance(decision, Switchover):
                story.apply(decision, outcome=one)


def checked(story: Story) -> None:
    """Assert everything that must hold of the decision in this state."""
    decision = story.decide()
    assert decision.reason
    for name in story.policy.providers:
        health = story.health(name)
        assert health.reason
        if health.status in ("unknown", "healthy", "suspect"):
            assert health.severity is Severity.NONE
    if isinstance(decision, Stay):
        return
    for lane in decision.route.lanes:
        checked_lane(story, lane)
    assert not any(o.verb in ("pause", "pin") and o.in_force(story.now) for o in story.state.context.overrides)
    assert story.state.context.braked_at is None
    assert story.state.context.local is None
    assert not refusals(plan(story.route, decision.route), story.state, story.policy, story.now, decision.trigger)
    receiver, active = decision.receiver, story.route.lane(decision.receiver).active
    others = [r for r in story.route.receivers if r != receiver]
    assert all(decision.route.lane(r).active == story.route.lane(r).active for r in others)
    if decision.to == active:
        assert decision.rule in NO_MOVES | {"rejoined"}
        return
    good_at = story.state.providers[decision.to].good_at
    assert good_at is not None
    assert story.now - good_at <= freshness(story.policy)
    assert story.state.context.void_at is None or good_at >= story.state.context.void_at
    if decision.rule in set(Severity):
        target, left = (standing_of(n, receiver, story.state, story.policy, story.now) for n in (decision.to, active))
        since = story.health(active, receiver).since
        assert target.weighing.rank < left.weighing.rank
        assert since is None or good_at >= since
        kind = KINDS.get(left.pressing)
        if kind is not None:
            track = story.state.providers[decision.to].tracks[receiver, kind]
            assert since is None or track.last_good_at >= since


KINDS = {Severity.LOSING: Signal.ARRIVAL, Severity.MISPLACING: Signal.PLACEMENT, Severity.LATE: Signal.LATENCY}


def checked_lane(story: Story, lane: Lane) -> None:
    """Assert that a lane is none that would lose mail, and that its shares go to providers that work."""
    names, before = lane.providers, story.route.lane(lane.receiver)
    assert names
    assert len(set(names)) == len(names)
    assert set(names) <= set(story.policy.providers)
    assert lane.receiver in ("*", *story.policy.lane_receivers)
    assert not lane.shares or story.policy.shares
    assert sum(s.percent for s in lane.shares) < 100
    assert sum(1 for s in lane.shares if s.kind is ShareKind.CANARY) <= 1
    assert {s.provider for s in lane.shares} <= set(names[1:])
    for share in lane.shares:
        health = story.health(share.provider, lane.receiver)
        if lane.shares != before.shares:
            assert not health.account_fault
            assert not health.needs_ack
            assert share.provider not in drained(story.state.context.overrides, story.now)
        if share.percent > before.percent_of(share.provider):
            assert (
                unproven(share.provider, story.state, story.policy, story.now, left_for=Severity.NONE, since=None)
                is None
            )


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=ill_first, history=histories, policy=policies)
def test_no_history_leads_to_an_unsafe_decision(first: tuple, history: list, policy: Policy) -> None:
    story = Story(policy=policy).warm()
    for fault in first:
        story.wait(60).sweep({A: fault} if isinstance(fault, dict) else None)
        story.round({A: fault})
    for event in history:
        play(story, *event)
        checked(story)
    assert explain(story.state, story.route, story.policy, story.now).sentence == story.decide().reason


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories, cut=st.integers(0, 400))
def test_a_snapshot_and_its_tail_equal_the_full_fold(history: list, cut: int) -> None:
    story = Story(policy=SHARED).warm()
    for event in history:
        play(story, *event)
    cut = min(cut, len(story.facts))
    state = initial_state()
    for fact in story.facts[:cut]:
        state = step(state, fact, SHARED)
    state = state_from_json(state_to_json(state))
    for fact in story.facts[cut:]:
        state = step(state, fact, SHARED)
    assert state == story.state
    assert state_from_json(state_to_json(state)) == state


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories, healthy=st.integers(1, 6), policy=policies)
def test_more_good_evidence_of_the_active_provider_never_causes_a_move_away(
    history: list, healthy: int, policy: Policy
) -> None:
    story = Story(policy=replace(policy, failback_rounds=6)).warm()
    for event in history:
        play(story, *event)
    for _ in range(healthy):
        before = story.wait(3).decide()
        story.session(story.route.active)
        after = story.decide()
        waited = isinstance(before, Stay) and before.rule not in ("local-fault", "start")  # these a sign of life ends
        if waited and isinstance(after, Switchover):
            here = story.route.lane(after.receiver).active
            assert after.to == here or after.trigger == "failback" or here != story.route.active


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(faults=st.lists(st.tuples(some_faults, st.sampled_from((5, 60, 600))), min_size=5, max_size=60), policy=policies)
def test_there_are_no_more_moves_in_an_hour_than_the_brake_allows(faults: list, policy: Policy) -> None:
    story = Story(policy=replace(policy, hold_down_seconds=0.0, failback_rounds=1)).warm()
    moved = []
    for which, wait in faults:
        story.wait(wait).sweep(which)
        decision = story.decide()
        if isinstance(decision, Switchover):
            if decision.to != story.route.lane(decision.receiver).active:
                moved.append(story.now)
            story.apply(decision)
    for at in moved:
        assert sum(1 for m in moved if timedelta() <= m - at < timedelta(hours=1)) <= SHORT.moves_per_hour


@pytest.mark.parametrize("fault", [DOWN, SUSPENDED, TEMPFAIL, "spam", "missing", "late"])
def test_equally_bad_stays(fault: object) -> None:
    story = Story().warm()
    for _ in range(4):
        story.notice("control", ok="yes")
        story.wait(60)
        if isinstance(fault, dict):
            story.sweep(dict.fromkeys(POLICY.providers, fault))
        else:
            story.sweep()
            for bad in POLICY.providers:  # one after the other, so that each is to blame
                story.round({bad: fault})
    while isinstance(move := story.decide(), Switchover) and move.route.active == story.route.active:
        story.apply()
    assert isinstance(story.decide(), Stay)


def noise(kind: str) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        if kind == "unknown":
            story.observe(A, Signal.SESSION, None, category="protocol", rule="adapter-raised")
        else:
            story.session(A, {"category": kind, "stage": "rcpt"})

    return tell


@pytest.mark.parametrize("kind", ["unknown", "recipient", "content", "size", "config"])
def test_what_says_nothing_of_the_provider_changes_no_health(kind: str) -> None:
    story = Story().warm()
    for _ in range(100):
        noise(kind)(story.wait(5))
    assert story.status(A) == "healthy"
    assert isinstance(story.decide(), Stay)


def test_a_state_is_not_changed_by_folding_on_from_it() -> None:
    story = Story().warm()
    kept, text = story.state, state_to_json(story.state)
    story.round({A: "spam", B: DOWN})
    story.notice("start")
    assert state_to_json(kept) == text


def test_folding_through_json_after_every_fact_is_the_same() -> None:
    stories = (Story(), Story(json=True))
    for story in stories:
        story.warm()
        story.sweep({A: SUSPENDED, B: DOWN})
        story.confirm({A: SUSPENDED, B: DOWN})
        story.round({C: "spam", A: SUSPENDED})
        story.notice("override", verb="pause", until=story.now.isoformat(), actor="ada")
        story.live(A, TEMPFAIL)
        story.sweep(dict.fromkeys(POLICY.providers, DOWN))
    assert stories[0].state == stories[1].state


def test_a_policy_of_one_provider_without_seeds_is_enough() -> None:
    story = Story(policy=Policy(providers=(A,), seeds=()))
    for _ in range(3):
        story.wait(60).sweep({A: TEMPFAIL})
    assert story.decide().rule == "no-better-provider"
