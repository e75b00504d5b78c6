"""Safety: the named rules that stand between a plan and Postfix, for manual and automatic moves alike. Pure.

DecisionError
└── UnsafePlan   a rule stands against the plan; `refusals` lists every one
"""

from dataclasses import dataclass
from datetime import datetime

from service.decision.candidate import drained, unproven
from service.decision.gate import gates
from service.decision.health import Health, overall
from service.decision.plan import Plan
from service.decision.policy import Policy
from service.decision.severity import Severity
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
        found += [
            Refusal(rule=gate.rule, sentence=gate.sentence, forceable=True)
            for gate in gates(state, policy, now)
            if gate.rule in _AUTOMATION
        ]
    if plan.moves:
        found += _against_target(plan, state, policy, now)
    return tuple(found)


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
    return tuple(
        Refusal(
            rule="unknown-provider",
            sentence=f"There is no provider {name}; configured are {known}.",
            forceable=False,
        )
        for name in names
        if name not in policy.providers
    )


def _against_target(plan: Plan, state: State, policy: Policy, now: datetime) -> list[Refusal]:
    """Return what stands against the provider that would be tried first."""
    target = plan.wanted.active
    healths = overall(state, policy, now)
    health = healths[target]
    before = healths.get(plan.current.active) if plan.current and plan.current.lanes else None
    anyway = "use --force to move there anyway"
    found: list[Refusal] = []
    if health.severity is not Severity.NONE and not _better(health, before):
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


def _better(health: Health, than: Health | None) -> bool:
    return than is not None and health.severity.rank < than.severity.rank
