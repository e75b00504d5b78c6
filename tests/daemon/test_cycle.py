"""What a cycle comes to, given what it sees: one table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probes.observation import Notice, NoticeKind, Observation, Outcome, Signal, Source
from service.cycle import Seen, judge
from service.decision.fold import step
from service.decision.policy import Mode, Policy
from service.decision.route import simple_route
from service.decision.state import State, initial_state

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POLICY = Policy(providers=("a", "b"), seeds=(), mode=Mode.ENFORCE)


def session(provider: str, seconds: float, outcome: Outcome = Outcome.GOOD, sweep: str = "") -> Observation:
    bad = {"category": "network", "stage": "connect", "rule": "refused"} if outcome is Outcome.BAD else {}
    return Observation(
        at=AT + timedelta(seconds=seconds),
        provider=provider,
        signal=Signal.SESSION,
        source=Source.PROBE,
        outcome=outcome,
        round=sweep or f"s{seconds}",
        confirmation=seconds > 60,
        **bad,
    )


def folded(*facts: Observation | Notice, policy: Policy = POLICY) -> State:
    state = initial_state()
    for fact in facts:
        state = step(state, fact, policy)
    return state


START = Notice(at=AT - timedelta(minutes=1), kind=NoticeKind.START)
HEALTHY = (START, session("a", 0), session("b", 0))
A_DOWN = (
    *HEALTHY,
    *(fact for s in (60, 62, 64) for fact in (session("a", s, Outcome.BAD), session("b", s))),
)


def seen(*facts: Observation | Notice, policy: Policy = POLICY, problem: str | None = None) -> Seen:
    return Seen(
        now=AT + timedelta(seconds=65),
        state=folded(*facts, policy=policy),
        policy=policy,
        route=simple_route("a", "b"),
        problem=problem,
    )


def test_stays_on_a_provider_that_works():
    verdict = judge(seen(*HEALTHY))
    assert (verdict.kind, verdict.move) == ("stay", None)
    assert "a works" in verdict.sentence


def test_moves_away_from_a_provider_that_refuses():
    verdict = judge(seen(*A_DOWN))
    assert verdict.kind == "move"
    assert verdict.plan is not None
    assert verdict.plan.wanted.providers == ("b", "a")
    assert "3 of 3" in verdict.sentence


def test_observe_mode_only_says_what_it_would_do():
    verdict = judge(seen(*A_DOWN, policy=replace(POLICY, mode=Mode.OBSERVE)))
    assert verdict.kind == "observed"
    assert verdict.sentence.startswith("Observing only; would move mail to b")


def test_a_route_that_was_changed_by_hand_is_not_overwritten():
    verdict = judge(seen(*A_DOWN, problem="relayhost was changed by hand."))
    assert (verdict.kind, verdict.rule) == ("blocked", "machinery")
    assert verdict.sentence.endswith("but: relayhost was changed by hand.")


def test_an_unknown_route_is_alerted_and_left_alone():
    verdict = judge(replace(seen(*A_DOWN, problem="The route cannot be read."), route=None))
    assert (verdict.kind, verdict.sentence) == ("alert", "The route cannot be read.")


def test_a_pause_keeps_mail_where_it_is_and_says_so():
    pause = Notice(
        at=AT + timedelta(seconds=1),
        kind=NoticeKind.OVERRIDE,
        detail={"verb": "pause", "actor": "ann", "reason": "migration", "until": "2026-03-01T13:00:00+00:00"},
    )
    facts = sorted((*A_DOWN, pause), key=lambda fact: fact.at)
    verdict = judge(seen(*facts))
    assert verdict.move is None
    assert "paused" in verdict.sentence
    assert "ann" in verdict.sentence
