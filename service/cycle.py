"""Gather, decide, plan, check: what one cycle does, on one screen. Carrying it out is `service.switchover`. Pure."""

from dataclasses import dataclass
from datetime import datetime

from service.decision.failover import Stay, Switchover, decide
from service.decision.plan import Plan, plan
from service.decision.policy import Mode, Policy
from service.decision.route import ANY_RECEIVER, Route
from service.decision.safety import refusals
from service.decision.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a cycle judges by: one snapshot, so that no rule sees half of a change."""

    now: datetime
    state: State
    policy: Policy
    route: Route | None  # in force; None when it is not relaypilot's or could not be read
    problem: str | None  # what keeps the route from being changed: unreadable, hand-edited, unrecorded facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one cycle came to."""

    kind: str  # "stay", "alert", "blocked", "observed", "move"
    sentence: str
    rule: str
    move: Switchover | None = None
    plan: Plan | None = None


def judge(seen: Seen) -> Verdict:
    """Return what is to be done about the route now."""
    if seen.route is None:
        return Verdict(kind="alert", rule="route-unknown", sentence=seen.problem or "The route is not known.")
    decision = decide(seen.state, seen.route, seen.policy, seen.now)
    if isinstance(decision, Stay):
        return Verdict(kind="alert" if decision.alert else "stay", rule=decision.rule, sentence=decision.reason)
    planned = plan(seen.route, decision.route)
    against = refusals(planned, seen.state, seen.policy, seen.now, decision.trigger)
    if against:
        why = " ".join(refusal.sentence for refusal in against)
        sentence = f"{_would(seen.route, decision)} ({decision.reason}), but: {why}"
        return Verdict(kind="blocked", rule=against[0].rule, sentence=sentence, move=decision, plan=planned)
    if seen.policy.mode is Mode.OBSERVE:
        would = _would(seen.route, decision)
        sentence = f"Observing only; {would[0].lower()}{would[1:]}: {decision.reason}"
        return Verdict(kind="observed", rule=decision.rule, sentence=sentence, move=decision, plan=planned)
    if seen.problem:
        sentence = f"{_would(seen.route, decision)} ({decision.reason}), but: {seen.problem}"
        return Verdict(kind="blocked", rule="machinery", sentence=sentence, move=decision, plan=planned)
    return Verdict(kind="move", rule=decision.rule, sentence=decision.reason, move=decision, plan=planned)


def _would(route: Route, decision: Switchover) -> str:
    """Return what a change would do, as the beginning of a sentence."""
    mail = "mail" if decision.receiver == ANY_RECEIVER else f"mail to {decision.receiver}"
    if route.lane(decision.receiver).active == decision.to:
        return f"Would change the order or shares of {mail} behind {decision.to}"
    return f"Would move {mail} to {decision.to}"
