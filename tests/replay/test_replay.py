"""Facts folded under a policy: transitions and moves, each at its time."""

import itertools
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.fact_json import fact_from_json, fact_to_json, good_check
from probes.observation import Notice, NoticeKind, Outcome, Signal, Source
from service.cli.replay_row import event_row
from service.decision.failover import Switchover
from service.decision.fold import step
from service.decision.good_run import GoodRuns
from service.decision.health import Status
from service.decision.policy import Failback, Mode, Policy
from service.decision.state import initial_state
from service.move_pairs import paired
from service.replay import HealthTransition, Replay
from tests.bench.replay import POLICY as BENCH
from tests.bench.replay import made
from tests.core.failed_over import failed_over
from tests.core.story import DOWN, POLICY, SUSPENDED, TEMPFAIL, A, B, C, Story
from tests.core.test_invariants import SHORT, histories, ill_first, play
from tests.core.test_story_of_the_demo import PACE, beat, beats_until


def replayed(facts, policy=POLICY, kind=Replay, active=None):
    one = kind(policy, active)
    events = [event for fact in facts for event in one.tell(fact)]
    return one, [*events, *one.finish()]


def read_and_replayed(facts, policy):
    """Replay as the command does: what a line shows to be a good session check is not made a fact if need not be."""
    one, events, spared = Replay(policy), [], 0
    for line in map(fact_to_json, facts):
        check = good_check(line)
        if check is not None and one.passes(*check):
            spared += 1
        else:
            events += one.tell(fact_from_json(line))
    assert spared > len(facts) / 3
    return one, [*events, *one.finish()]


def moves(one):
    return [(m.left, m.active, m.rule) for m in one.moves if m.moves]


@pytest.fixture
def demo():
    story = Story(policy=PACE)
    story.notice("start")
    story.switched((A, B, C), trigger="manual")
    for _ in range(3):
        beat(story)
    beats_until(story, B, fates={A: "spam"})
    beats_until(story, A)
    beats_until(story, B, {A: SUSPENDED})
    beats_until(story, C, {A: SUSPENDED, B: DOWN})
    return story


def test_a_recorded_story_replays_to_the_moves_that_were_made(demo: Story) -> None:
    one, _ = replayed(demo.facts, PACE)
    assert moves(one) == [(A, B, "misplacing"), (B, A, "failback"), (A, B, "refusing"), (B, C, "refusing")]
    assert not [pair for pair in paired(one.recorded, one.moves) if pair.differs(2.0)]
    assert one.route.providers == demo.route.providers
    assert all(move.reason and move.enforced for move in one.moves)


def test_another_policy_is_seen_to_move_later_or_not_at_all(demo: Story) -> None:
    one, _ = replayed(demo.facts, replace(PACE, failback=Failback.OFF, hold_down_seconds=0.0))
    pairs = paired(one.recorded, one.moves)
    lacking = [pair.left for pair in pairs if pair.right is None]
    assert (lacking[0].left, lacking[0].active, lacking[0].rule) == (B, A, "failback")


def test_would_be_moves_are_imagined_as_made(demo: Story) -> None:
    enforced, _ = replayed(demo.facts, PACE)
    watched, _ = replayed(demo.facts, replace(PACE, mode=Mode.OBSERVE))
    assert moves(watched) == moves(enforced)
    assert not any(move.enforced for move in watched.moves)


def test_health_transitions_follow_each_other_without_gaps(demo: Story) -> None:
    _, events = replayed(demo.facts, PACE)
    held = {}
    for event in events:
        if isinstance(event, HealthTransition):
            key = (event.provider, event.receiver)
            assert event.before is held.get(key, Status.UNKNOWN)
            assert event.after is not event.before
            assert event.reason
            held[key] = event.after
    assert [e.at for e in events] == sorted(e.at for e in events)
    for (provider, receiver), status in held.items():
        assert str(status) == demo.status(provider, receiver)


def test_a_move_held_back_is_made_at_the_very_end_of_the_hold_down() -> None:
    story = failed_over()
    held = story.now + timedelta(seconds=POLICY.hold_down_seconds)
    story.wait(30).round()
    while story.decide().rule != "hold-down":
        story.wait(60).sweep()
    assert story.now < held
    story.wait(3600).sweep()
    one, _ = replayed(story.facts)
    assert moves(one) == [(A, B, "refusing"), (B, A, "failback")]
    assert one.moves[-1].at == one.moves[0].at + timedelta(seconds=POLICY.hold_down_seconds)


def test_nobody_moves_mail_while_the_daemon_is_stopped() -> None:
    story = failed_over()
    story.wait(30).round()
    while story.decide().rule != "hold-down":
        story.wait(60).sweep()
    story.wait(7200).notice("start")
    began = story.now
    story.sweep()
    one, _ = replayed(story.facts)
    assert all(move.at >= began for move in one.moves[1:])


def test_evidence_expires_at_its_time_though_nothing_is_recorded_then() -> None:
    story = Story().warm()
    last = story.now - timedelta(seconds=60)
    story.wait(3 * 86400).live("gone")
    _, events = replayed(story.facts)
    expired = [e for e in events if e.after is Status.UNKNOWN]
    assert {e.provider for e in expired} == {A, B, C}
    assert {e.at for e in expired if e.receiver == "*"} == {last + timedelta(days=1, microseconds=1)}


def test_an_order_ends_when_it_expires() -> None:
    story = Story().warm()
    until = story.now + timedelta(minutes=30)
    story.notice("override", verb="pause", until=until.isoformat())
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    for _ in range(5):
        story.wait(60).sweep({A: DOWN})
    story.wait(1775).sweep({A: DOWN})
    one, _ = replayed(story.facts)
    assert [(m.left, m.active, m.at) for m in one.moves] == [(A, B, until)]


def test_a_persons_move_is_followed_and_the_route_begins_where_the_record_does() -> None:
    story = Story(route=Story().route).warm()
    story.switched((C, A, B), trigger="manual", **{"from": A})
    story.notice("override", verb="pin", provider=C, until=(story.now + timedelta(hours=1)).isoformat())
    story.sweep({C: DOWN})
    story.confirm({C: DOWN})
    one, _ = replayed(story.facts)
    assert one.route.providers == (C, A, B)
    assert moves(one) == []
    other, _ = replayed(story.facts, active=B)
    assert other.recorded == []


def test_facts_of_strangers_are_counted_and_left_out() -> None:
    story = Story().warm()
    story.session("gone", DOWN)
    story.session("gone", DOWN)
    one, events = replayed(story.facts)
    assert one.strangers == {"gone": 2}
    assert not [e for e in events if e.provider == "gone"]


def test_a_clock_set_back_does_not_stop_the_replay() -> None:
    story = Story().warm()
    story.wait(-7200).notice("clock_jump", seconds="-7200")
    story.warm()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    one, _ = replayed(story.facts)
    assert moves(one) == [(A, B, "refusing")]
    assert one.moves[0].at == story.now


def test_a_clean_month_is_quiet() -> None:
    story = Story().warm()
    for _ in range(200):
        story.wait(60).sweep()
    story.round()
    _, events = replayed(story.facts)
    assert all(isinstance(e, HealthTransition) and e.after is Status.HEALTHY for e in events)
    assert len(events) == 3 * 4


class Thorough(Replay):
    """Takes no short cut: weighs everything after every batch."""

    def _changes_nothing(self, observation, before, after) -> bool:
        return False

    def _stays(self, now) -> bool:
        self._judged.clear()
        self._well.clear()
        return False


def a_history(policy, first, history) -> Story:
    story = Story(policy=policy).warm()
    for fault in first:
        story.wait(60).sweep({A: fault} if isinstance(fault, dict) else None)
        story.round({A: fault})
    for event in history:
        play(story, *event)
    return story


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=ill_first, history=histories, policy=st.sampled_from((SHORT, replace(SHORT, failback=Failback.OFF))))
def test_of_any_history_a_replay_is_exact_from_its_beginning_and_within_the_brake(first, history, policy) -> None:
    facts = a_history(policy, first, history).facts
    quick, thorough = replayed(facts, policy), replayed(facts, policy, Thorough)
    assert quick[1] == thorough[1]
    assert quick[0].state == thorough[0].state
    one, seen, length = Replay(policy), [], len(facts) // 2
    for fact in facts[:length]:
        seen += one.tell(fact)
    assert quick[1][: len(seen)] == seen
    assert one.state == replayed(facts[:length], policy, Thorough)[0].state
    allowed(quick[0], facts)


def allowed(one: Replay, facts: list) -> None:
    for move in one.moves:
        assert set(move.route.providers) <= {A, B, C}
        assert len(set(move.route.providers)) == len(move.route.providers) > 0
    if any(isinstance(fact, Notice) and fact.detail.get("verb") == "ack" for fact in facts):
        return  # lifts the brake
    times = [move.at for move in one.moves if move.moves]
    for at in times:
        assert sum(1 for t in times if timedelta(0) <= t - at < timedelta(hours=1)) <= SHORT.moves_per_hour


def an_odd_record(seed: int) -> list:
    """Runs of good checks broken by failures, suspicions, expiring buckets, pauses, gaps and rounds in between."""
    facts, chance, paused = [], random.Random(seed), timedelta(0)
    for told in itertools.islice(made(0.01, 0.05), 2500):
        if chance.random() < 0.02:
            continue  # a provider that was not asked
        if chance.random() < 0.003:
            paused += timedelta(minutes=chance.choice((30, 61, 150, 24 * 60 + 1, 3000)))
        fact = replace(told, at=told.at + paused)
        facts.append(fact)
        if chance.random() < 0.001:
            kind = chance.choice(["gap", "start", "policy", "control", "clock_jump"])
            facts.append(Notice(at=fact.at, kind=NoticeKind(kind), detail={"ok": chance.choice(["yes", "no"])}))
        if chance.random() < 0.01:
            live = {"signal": Signal.LIVE, "source": Source.LOG, "count": 3, "round": None, "seed": None}
            facts.append(replace(fact, outcome=chance.choice(list(Outcome)), **live))
    return facts


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lifetime_seconds", [86400.0, 5000.0])
def test_a_long_record_with_everything_in_it_is_folded_the_same_quickly_or_thoroughly(lifetime_seconds, seed) -> None:
    policy = replace(BENCH, evidence_lifetime_seconds=lifetime_seconds)
    facts = an_odd_record(seed)
    thorough = replayed(facts, policy, Thorough)
    for quick in (replayed(facts, policy), read_and_replayed(facts, policy)):
        assert quick[1] == thorough[1]
        assert quick[0].state == thorough[0].state
        assert quick[0].observations == thorough[0].observations


def test_runs_of_good_checks_hold_the_state_that_one_check_after_the_other_leads_to() -> None:
    """Asked at every fact, not only at the end: while scores decay, at the turn of a bucket, after a pause."""
    policy = replace(BENCH, evidence_lifetime_seconds=5000.0)
    one, state = Replay(policy), initial_state()
    for fact in (f for f in an_odd_record(1)[:1200] if not isinstance(f, Notice)):
        one.tell(fact)
        state = step(state, fact, policy)
        assert one.state == state


def test_a_run_ends_where_what_is_held_of_the_provider_may_have_expired() -> None:
    state = initial_state()
    for fact in itertools.islice(made(0.0, 0.0), 9):
        state = step(state, fact, BENCH)
    began = state.at
    runs = GoodRuns(state, BENCH)
    assert runs.take_check(began + timedelta(minutes=1), BENCH.providers[0], "next")
    assert runs.take_check(began + timedelta(minutes=61), BENCH.providers[0], "in the next bucket")
    assert not runs.take_check(began + timedelta(days=2), BENCH.providers[0], "after a pause")
    assert not runs.take_check(began, BENCH.providers[0], "by a clock set back")


BY_HAND = """\
{"at": "2026-03-01T11:00:00Z", "fact": "start"}
{"at": "2026-03-01T11:00:06Z", "fact": "clock_jump", "detail": {"seconds": "-3"}}
{"at": "2026-03-01T11:00:07Z", "fact": "gap", "detail": {"seconds": "90"}}
{"at": "2026-03-01T12:00:00Z", "fact": "policy"}
{"at": "2026-03-01T12:00:00Z", "fact": "control", "detail": {"ok": "yes"}}
{"at": "2026-03-01T12:00:01Z", "provider": "one", "signal": "session", "outcome": "good"}
{"at": "2026-03-01T12:00:02Z", "provider": "two", "signal": "session", "outcome": "good"}
{"outcome": "good", "signal": "live", "provider": "two", "at": "2026-03-01T12:00:02Z", "count": 40}
{"at": "2026-03-01T12:00:03Z", "fact": "override", "detail": {"verb": "drain", "provider": "one", "until": "%s"}}
{"at": "2026-03-01T12:00:04Z", "provider": "one", "signal": "acceptance", "outcome": "good", %s}
{"at": "2026-03-01T12:00:05Z", "provider": "one", "signal": "arrival", "outcome": "good", %s, "value": 5}
{"at": "2026-03-01T12:00:05Z", "provider": "one", "signal": "placement", "outcome": "bad", %s, "value": "spam"}
{"at": "2026-03-01T12:00:05Z", "provider": "one", "signal": "latency", "outcome": "good", %s, "value": 5}
{"at": "2026-03-01T12:00:05Z", "provider": "one", "signal": "authentication", "outcome": "unknown", %s}
"""


def test_every_kind_of_fact_can_be_written_by_hand_and_moves_are_rows_with_every_field() -> None:
    place = '"receiver": "gmail", "seed": "gmail-1", "round": "r1"'
    lines = (BY_HAND % ("2026-03-01T13:00:00Z", *(place,) * 5)).splitlines()
    facts = [fact_from_json(line) for line in lines]
    assert {f.signal for f in facts if not isinstance(f, Notice)} == set(Signal)
    assert {f.kind for f in facts if isinstance(f, Notice)} == set(NoticeKind) - {NoticeKind.SWITCHOVER}
    one, events = replayed(facts, Policy(providers=("one", "two"), seeds=(("gmail-1", "gmail"),)))
    assert one.observations == 8
    (move,) = [event_row(event) for event in events if not isinstance(event, HealthTransition)]
    assert move.pop("reason").startswith("one is drained")
    assert move == {
        "kind": "move",
        "at": "2026-03-01T12:00:03Z",
        "provider": "two",
        "receiver": "*",
        "from": "one",
        "to": "two",
        "rule": "drained",
        "enforced": False,
        "trigger": "automatic",
        "route": ["two", "one"],
        "shares": {},
    }
    health = [event_row(event) for event in events if isinstance(event, HealthTransition)]
    assert (health[0]["at"], health[0]["provider"], health[0]["receiver"]) == ("2026-03-01T12:00:01Z", "one", "*")
    assert (health[0]["from"], health[0]["to"], health[0]["rule"]) == ("unknown", "healthy", "healthy")
    assert health[0]["enforced"] is None


def test_live_mail_and_sweeps_together_lead_to_one_move() -> None:
    story = Story().warm()
    for _ in range(4):
        story.wait(30).live(A, TEMPFAIL, count=5)
        story.sweep({A: TEMPFAIL})
        story.confirm({A: TEMPFAIL})
        if isinstance(story.decide(), Switchover):
            break
    one, _ = replayed(story.facts)
    assert moves(one) == [(A, B, "refusing")]
