"""Safety: the named rules that stand between a plan and Postfix, for manual and automatic moves alike. Pure.

DecisionError
└── UnsafePlan   a rule stands against the plan; `refusals` lists every one
"""

from dataclasses import dataclass
from datetime import datetime

from service.decision.candidate import unproven
from service.decision.gate import gates
from service.decision.health import health_of
from service.decision.override import drained
from service.decision.plan import Plan
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER, Lane, ShareKind
from service.decision.severity import Severity
from service.decision.share import MOST_PERCENT
from service.decision.standing import standing_of
from service.decision.state import State

MANUAL = "manual"
_AUTOMATION = ("pause", "pin", "brake")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One rule that stands against a plan, in a sentence that says what to do."""

    rule: str
    sentence: str
    forceable: bool


class DecisionError(Exception):
    """Something the decision core refuses."""


class UnsafePlan(DecisionError):  # noqa: N818 - the name of the rule, not of a mistake
    """A safety rule stands against the plan; nothing may be changed."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__(" ".join(refusal.sentence for refusal in refusals))
        self.refusals = refusals


def refusals(plan: Plan, state: State, policy: Policy, now: datetime, trigger: str) -> tuple[Refusal, ...]:
    """Return every rule that stands against this plan; none means it may be carried out.

    `trigger` is "manual" for a person's act, else "automatic" or "failback": pause, pin and brake bind
    automation only.
    """
    broken = _broken(plan, policy)
    if broken:
        return broken
    found: list[Refusal] = []
    if trigger != MANUAL:
        closed = [gate for lane in _changed(plan) for gate in gates(state, policy, now, receiver=lane)]
        found += [
            Refusal(rule=gate.rule, sentence=gate.sentence, forceable=True)
            for gate in dict.fromkeys(closed)
            if gate.rule in _AUTOMATION
        ]
    for lane in plan.moved:
        found += _against_target(plan, lane, state, policy, now)
    found += _against_shares(plan, state, policy, now)
    return tuple(dict.fromkeys(found))


def raise_if_unsafe(
    plan: Plan, state: State, policy: Policy, now: datetime, trigger: str, *, force: bool = False
) -> tuple[Refusal, ...]:
    """Return the rules that `force` has overridden, for the record; none when nothing stood against the plan.

    Raises:
        UnsafePlan: a rule stands against it, and it is not forced or cannot be.
    """
    found = refusals(plan, state, policy, now, trigger)
    standing = tuple(r for r in found if not (force and r.forceable))
    if standing:
        raise UnsafePlan(standing)
    return found


def _broken(plan: Plan, policy: Policy) -> tuple[Refusal, ...]:
    """Return what makes this no route at all: nobody can force that."""
    lanes = plan.wanted.lanes
    if not lanes or not all(lane.providers for lane in lanes):
        sentence = "The route names no provider, so mail would have nowhere to go; name at least one."
        return (Refusal(rule="empty-route", sentence=sentence, forceable=False),)
    names = dict.fromkeys(name for lane in lanes for name in lane.providers)
    known = ", ".join(policy.providers)
    strangers = [
        Refusal(
            rule="unknown-provider",
            sentence=f"There is no provider {name}; configured are {known}.",
            forceable=False,
        )
        for name in names
        if name not in policy.providers
    ]
    return (*strangers, *(refusal for lane in lanes for refusal in _malformed(lane, policy)))


def _malformed(lane: Lane, policy: Policy) -> list[Refusal]:
    """Return what is wrong with a lane's receiver and shares."""
    found = []
    if lane.receiver not in (ANY_RECEIVER, *policy.lane_receivers):
        sentence = (
            f'Mail to "{lane.receiver}" cannot go a way of its own: that takes routing = "transport" and the recipient '
            "domains of that receiver under [receivers]."
        )
        found.append(Refusal(rule="no-receiver-lane", sentence=sentence, forceable=False))
    if lane.shares and not policy.shares:
        sentence = "This installation cannot give a share of the mail to another provider."
        found.append(Refusal(rule="no-shares", sentence=sentence, forceable=False))
    given = [share.provider for share in lane.shares]
    whole = sum(share.percent for share in lane.shares) <= MOST_PERCENT and all(s.percent > 0 for s in lane.shares)
    canaries = sum(1 for share in lane.shares if share.kind is ShareKind.CANARY)
    if not (whole and canaries <= 1 and len(set(given)) == len(given) and set(given) <= set(lane.providers[1:])):
        sentence = "The shares of a lane must be of its standbys, one each, one canary, and less than 100 % together."
        found.append(Refusal(rule="bad-shares", sentence=sentence, forceable=False))
    return found


def _changed(plan: Plan) -> tuple[str, ...]:
    """Return the receivers whose lanes the plan changes."""
    before = {lane.receiver: lane for lane in (plan.current.lanes if plan.current else ())}
    after = {lane.receiver: lane for lane in plan.wanted.lanes}
    found = tuple(key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key))
    return found or (ANY_RECEIVER,)


def _against_target(plan: Plan, lane: Lane, state: State, policy: Policy, now: datetime) -> list[Refusal]:
    """Return what stands against the provider that a lane would try first."""
    target, receiver = lane.active, lane.receiver
    health = health_of(target, receiver, state, policy, now)
    standing = standing_of(target, receiver, state, policy, now)
    left = plan.current.lane(receiver).active if plan.current and plan.current.lanes else None
    before = standing_of(left, receiver, state, policy, now) if left in policy.providers and left is not None else None
    anyway = "use --force to move there anyway"
    found: list[Refusal] = []
    if standing.weighing is not Severity.NONE and not (
        before is not None and standing.weighing.rank < before.weighing.rank
    ):
        found.append(Refusal(rule="degraded-target", sentence=f"{health.reason} Wait, or {anyway}.", forceable=True))
    elif why := unproven(target, state, policy, now, left_for=Severity.NONE, since=None):
        sentence = f"{why}, so it is unproven; run relaypilot probe {target} first, or {anyway}."
        found.append(Refusal(rule="unproven-target", sentence=sentence, forceable=True))
    if target in drained(state.context.overrides, now):
        sentence = f"{target} is drained; relaypilot undrain {target} ends that, or {anyway}."
        found.append(Refusal(rule="drained-target", sentence=sentence, forceable=True))
    if state.context.local is not None:
        sentence = f"All providers are out of reach: check this host's own network first, or {anyway}."
        found.append(Refusal(rule="local-fault", sentence=sentence, forceable=True))
    return found


def _against_shares(plan: Plan, state: State, policy: Policy, now: datetime) -> list[Refusal]:
    """Return what stands against providers that would get more of a lane's mail than now."""
    found: list[Refusal] = []
    for lane in plan.wanted.lanes:
        before = plan.current.lane(lane.receiver) if plan.current and plan.current.lanes else None
        for share in lane.shares:
            name = share.provider
            if before is not None and share.percent <= before.percent_of(name):
                continue
            why = unproven(name, state, policy, now, left_for=Severity.NONE, since=None)
            if name in drained(state.context.overrides, now):
                why = f"{name} is drained"
            if why is not None:
                sentence = f"{why}, so it gets no share of the mail."
                found.append(Refusal(rule="unfit-share", sentence=sentence, forceable=True))
    return found
