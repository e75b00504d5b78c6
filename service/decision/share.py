"""Shares: who else gets part of a lane's mail first, to stay warm, to return step by step, or beyond a cap. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, floor

from service.decision.candidate import freshness, unproven
from service.decision.decision import AUTOMATIC, Question
from service.decision.gate import start_grace
from service.decision.hold import held_until
from service.decision.moves import automatic
from service.decision.override import drained
from service.decision.reason import utc
from service.decision.route import Lane, Share, ShareKind
from service.decision.severity import Severity
from service.decision.standing import Standing, Status
from service.decision.volume import lane_volume

MOST_PERCENT = 99  # of a lane, for all its shares together
_STEP_PERCENT = 5  # overflow is counted in such steps
_STEADY_PERCENT = 10  # and left as it is until it changes by so much


def spoilt(question: Question, share: Share, standing: Standing) -> str | None:
    """Return why a provider must not keep its share; none when it may. One failed check alone takes nothing away."""
    name, state, policy, now = share.provider, question.state, question.policy, question.now
    if name in drained(state.context.overrides, now):
        return f"{name} is drained"
    if standing.weighing is not Severity.NONE or standing.account_fault:
        return f"{name} is degraded ({standing.severity})"
    if standing.needs_ack:
        return f"an account fault of {name} is not acknowledged"
    provider = state.providers.get(name)
    good_at = provider.good_at if provider is not None else None
    if provider is None or good_at is None or now - good_at > freshness(policy):
        void_at = state.context.void_at
        waiting = void_at is not None and now - void_at <= start_grace(policy)
        seen = f"was last seen to take mail at {utc(good_at)}" if good_at else "has never been seen to take mail"
        return None if waiting else f"{name} {seen}"
    streak, doubt = provider.trouble.streak, provider.trouble.doubt
    if streak is not None and streak.count > 1:
        return f"{name} failed {streak.count} times in a row"
    if share.kind is ShareKind.CANARY and doubt is not None and standing.status is Status.SUSPECT:
        return f"probes through {name} to {', '.join(doubt.receivers)} fared worse than other providers'"
    return None


def fit(question: Question, name: str, standing: Standing) -> bool:
    """Return whether this provider may be given a share, or a greater one: it works and that was just seen."""
    state, policy, now = question.state, question.policy, question.now
    return (
        standing.status is Status.HEALTHY
        and not standing.needs_ack
        and name not in drained(state.context.overrides, now)
        and unproven(name, state, policy, now, left_for=Severity.NONE, since=None) is None
    )


def shares_for(
    question: Question,
    lane: Lane,
    standings: Mapping[str, Standing],
    canary: Share | None = None,
    *,
    moved: bool = False,
) -> tuple[Share, ...]:
    """Return the shares that this lane should have; none where the installation cannot give any.

    `moved`: an automatic move makes its first provider active now, so a ramp begins.
    """
    policy = question.policy
    if not policy.shares or len(lane.providers) < 2:  # noqa: PLR2004 - nobody to share with
        return ()
    before = {share.provider: share for share in question.lane(lane.receiver).shares}
    volume = lane_volume(question.state, question.current, lane.receiver, policy, question.now)
    found: dict[str, Share] = {}

    def room(name: str) -> int:
        left = MOST_PERCENT - sum(share.percent for share in found.values())
        has = found[name].percent if name in found else 0
        return min(left, _cap_percent(question, name, volume) - has)

    if canary is not None and canary.provider in lane.providers[1:]:
        most = max(1, _cap_percent(question, canary.provider, volume))
        found[canary.provider] = replace(canary, percent=min(canary.percent, most))
    standbys = [name for name in lane.providers[1:] if name in standings]
    for name in standbys:
        percent = policy.warm_percent(name)
        if percent and name not in found and _warm(question, lane, name, before, standings[name]):
            given = min(percent, room(name))
            if given > 0:
                found[name] = Share(provider=name, percent=given, kind=ShareKind.WARM)
    shed = 100 - _carries(question, lane, volume, moved=moved) - sum(share.percent for share in found.values())
    shed = ceil(shed / _STEP_PERCENT) * _STEP_PERCENT
    for name in standbys:
        if shed <= 0:
            break
        if name in found and found[name].kind is ShareKind.CANARY:
            continue
        if not fit(question, name, standings[name]) or (name not in before and _held(question, lane, name)):
            continue
        given = min(shed, room(name))
        if given <= 0:
            continue
        percent = given + (found[name].percent if name in found else 0)
        found[name] = Share(provider=name, percent=percent, kind=ShareKind.OVERFLOW)
        shed -= given
    return _steady(tuple(found.values()), before)


def _warm(question: Question, lane: Lane, name: str, before: Mapping[str, Share], standing: Standing) -> bool:
    """Return whether a standby is kept warm: one that has a share as long as it is not spoilt, others once proven."""
    if name in before:
        return spoilt(question, before[name], standing) is None
    return fit(question, name, standing) and not _held(question, lane, name)


def _held(question: Question, lane: Lane, name: str) -> bool:
    """Return whether a provider that lost mail of this lane by a fault has to wait before it gets any again."""
    context = question.state.context
    lost = [(m.left, m.receiver) for m in automatic(context.moves)] + [
        (s.provider, s.receiver) for s in context.setbacks
    ]
    until = held_until(context, question.policy, lane.receiver, name)
    return (name, lane.receiver) in lost and until is not None and question.now < until


def _carries(question: Question, lane: Lane, volume: float, *, moved: bool) -> int:
    """Return how many percent of a lane its first provider may carry, by its cap and its ramp."""
    return min(_cap_percent(question, lane.active, volume), ramp_percent(question, lane, moved=moved))


def _cap_percent(question: Question, name: str, volume: float) -> int:
    cap = question.policy.hourly_cap(name)
    return 100 if cap is None or volume <= cap else floor(100 * cap / volume)


def ramp_percent(question: Question, lane: Lane, *, moved: bool = False) -> int:
    """Return how many percent the lane's first provider may carry by the ramp that its automatic move began."""
    steps, policy = question.policy.ramp_shares, question.policy
    if moved and steps:
        return steps[0]
    last = next((m for m in reversed(question.state.context.moves) if m.receiver == lane.receiver), None)
    if not steps or last is None or last.active != lane.active or last.trigger != AUTOMATIC:
        return 100
    step = int((question.now - last.at).total_seconds() // max(policy.share_step_seconds, 1e-9))
    return steps[step] if 0 <= step < len(steps) else 100


def _steady(shares: tuple[Share, ...], before: Mapping[str, Share]) -> tuple[Share, ...]:
    """Return the shares with those as they are that would change by too little."""
    steady = tuple(
        old
        if share.kind is ShareKind.OVERFLOW
        and (old := before.get(share.provider)) is not None
        and old.kind is share.kind
        and abs(old.percent - share.percent) < _STEADY_PERCENT
        else share
        for share in shares
    )
    return steady if sum(share.percent for share in steady) <= MOST_PERCENT else shares
