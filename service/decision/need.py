"""Needs: why the active provider of a lane is to be left, and who may take its mail. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.decision.candidate import unproven
from service.decision.decision import Need, Question
from service.decision.health import health_of
from service.decision.override import drained
from service.decision.route import ANY_RECEIVER
from service.decision.severity import Severity
from service.decision.standing import Standing, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who takes the mail, or why nobody does."""

    provider: str | None
    against: tuple[str, ...]  # one clause a provider


def need_of(question: Question, active: str, receiver: str, standings: Mapping[str, Standing]) -> Need | None:
    """Return why this provider is to be left by this receiver's mail, or by all ("*"); none when it may stay."""
    state, policy, now = question.state, question.policy, question.now
    if active not in policy.providers:
        reason = f"{active} is not among the configured providers any more."
        return Need(rule="not-configured", reason=reason, severity=Severity.REFUSING, since=None, hard=True)
    standing = standings[active]
    if standing.pressing is not Severity.NONE:
        health = health_of(active, receiver, state, policy, now)
        return Need(
            rule=str(standing.pressing),
            reason=health.reason,
            severity=standing.pressing,
            since=health.since,
            hard=standing.hard,
            evidence=health.evidence,
        )
    if active in drained(state.context.overrides, now):
        return Need(rule="drained", reason=f"{active} is drained.", severity=Severity.REFUSING, since=None, hard=True)
    return None


def target_for(
    question: Question, active: str, need: Need, standings: Mapping[str, Standing], receiver: str = ANY_RECEIVER
) -> Target:
    """Return the best provider for a move made for this need: strictly less bad, and proven for the kind of fault."""
    out = drained(question.state.context.overrides, question.now)
    fit: list[str] = []
    against: list[str] = []
    for name in question.policy.providers:
        standing = standings[name]
        if name == active:
            continue
        if name in out:
            against.append(f"{name} is drained")
        elif standing.weighing.rank >= need.severity.rank:
            against.append(f"{name} is no better ({standing.weighing})")
        elif why := unproven(
            name,
            question.state,
            question.policy,
            question.now,
            left_for=need.severity,
            since=need.since,
            receiver=receiver,
        ):
            against.append(why)
        else:
            fit.append(name)
    best = min(fit, key=lambda n: (standings[n].weighing.rank, standings[n].status is Status.SUSPECT), default=None)
    return Target(provider=best, against=tuple(against))
