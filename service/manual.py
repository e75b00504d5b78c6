"""A person's move: the same plan and safety rules as an automatic one; only the decision is the person's. Pure."""

from datetime import datetime

from service.decision.candidate import drained, ordered
from service.decision.health import overall
from service.decision.plan import Plan, plan
from service.decision.policy import Policy
from service.decision.route import Route, simple_route
from service.decision.safety import MANUAL, UnsafePlan, raise_if_unsafe
from service.decision.state import State
from service.errors import NoSuchProviderError, UnsafePlanError

RULE = "manual"


def manual_plan(to: str, current: Route | None, state: State, policy: Policy, now: datetime) -> Plan:
    """Return the plan that puts one provider first, the others behind it as usual.

    Raises:
        NoSuchProviderError: no provider of that name is configured.
    """
    if to not in policy.providers:
        raise NoSuchProviderError(
            f'Moving to "{to}": there is no such provider; configured are {", ".join(policy.providers)}.'
        )
    wanted = simple_route(*ordered(to, overall(state, policy, now), policy, drained(state.context.overrides, now)))
    return plan(current, wanted)


def refuse_unsafe(planned: Plan, state: State, policy: Policy, now: datetime, *, force: bool) -> str:
    """Return the rule to journal: "manual", with the names of the safety rules that were forced.

    Raises:
        UnsafePlanError: a safety rule stands against the plan.
    """
    try:
        forced = raise_if_unsafe(planned, state, policy, now, MANUAL, force=force)
    except UnsafePlan as error:
        raise UnsafePlanError(f"Moving to {planned.wanted.active} was refused: {error}") from error
    return f"{RULE}, forced: {', '.join(refusal.rule for refusal in forced)}" if forced else RULE
