"""A person's move: the same plan and safety rules as an automatic one; only the decision is the person's. Pure."""

from datetime import datetime

from service.decision.moving import route_to
from service.decision.override import left_over
from service.decision.plan import Plan, plan
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER, Route
from service.decision.safety import MANUAL, UnsafePlan, raise_if_unsafe
from service.decision.state import State
from service.errors import NoSuchProviderError, UnsafePlanError, UsageError

RULE = "manual"


def manual_plan(
    to: str, current: Route | None, state: State, policy: Policy, now: datetime, receiver: str | None = None
) -> Plan:
    """Return the plan that puts one provider first for all mail, or for one receiver's, the others behind it as usual.

    Raises:
        NoSuchProviderError: no provider of that name is configured.
        UsageError: that receiver's mail cannot go a way of its own.
    """
    if to not in policy.providers:
        raise NoSuchProviderError(
            f'Moving to "{to}": there is no such provider; configured are {", ".join(policy.providers)}.'
        )
    if receiver is not None and receiver not in policy.lane_receivers:
        raise UsageError(f"Moving mail to {receiver} alone: {_no_way(receiver, policy)}")
    return plan(current, route_to(to, current, state, policy, now, receiver or ANY_RECEIVER))


def _no_way(receiver: str, policy: Policy) -> str:
    if not policy.lane_receivers:
        return (
            'there is one route for all mail here. It takes routing = "transport" and the recipient domains of '
            f'"{receiver}" under [receivers]; without --receiver all mail moves.'
        )
    return f'there is no receiver "{receiver}" with recipient domains; there are {", ".join(policy.lane_receivers)}.'


def refuse_drain(provider: str, state: State, policy: Policy, now: datetime) -> None:
    """Refuse to have the last provider taken out of use.

    Raises:
        UsageError: no other provider would be left.
    """
    if not left_over(state.context.overrides, policy.providers, provider, now):
        others = [name for name in policy.providers if name != provider]
        remedy = f"undrain {others[0]} first" if others else "add a second provider first"
        raise UsageError(
            f"Draining {provider}: it is the last provider in use, and mail needs one; {remedy}, or pause automation."
        )


def by_hand(actor: str, to: str, receiver: str | None) -> str:
    """Return the reason of a move for which nobody gave one."""
    return f"{actor} moved mail {f'to {receiver} through {to}' if receiver else f'to {to}'} by hand"


def refuse_unsafe(planned: Plan, state: State, policy: Policy, now: datetime, *, force: bool) -> str:
    """Return the rule to journal: "manual", with the names of the safety rules that were forced.

    Raises:
        UnsafePlanError: a safety rule stands against the plan.
    """
    try:
        forced = raise_if_unsafe(planned, state, policy, now, MANUAL, force=force)
    except UnsafePlan as error:
        to = planned.moved[0].active if planned.moved else planned.wanted.active
        raise UnsafePlanError(f"Moving to {to} was refused: {error}") from error
    return f"{RULE}, forced: {', '.join(refusal.rule for refusal in forced)}" if forced else RULE
