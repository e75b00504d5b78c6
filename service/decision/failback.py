"""Failback: how a provider that has earned it gets a lane's mail back, by a canary share that grows. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from probes.observation import Signal
from service.decision.calibration import PER_RECEIVER
from service.decision.candidate import ordered, unproven
from service.decision.decision import FAILBACK, Decision, Question, Stay, Switchover
from service.decision.gate import gates, hold_gate
from service.decision.health import health_of
from service.decision.moves import CANARY
from service.decision.override import drained
from service.decision.passage import passed
from service.decision.policy import Failback
from service.decision.reason import utc
from service.decision.route import ANY_RECEIVER, Lane, Route, Share, ShareKind
from service.decision.severity import Severity
from service.decision.share import shares_for, spoilt
from service.decision.standing import Standing, Status

_EARNING = (Signal.SESSION, Signal.ACCEPTANCE, Signal.LIVE)
PATIENCE_STEPS = 3  # that a canary without any live mail waits before its next step


def failback(question: Question, standings: Mapping[str, Standing]) -> Decision | None:
    """Return the next step of the return of a preferred provider to the default lane, or what it still waits for."""
    policy, current = question.policy, question.current
    if policy.failback is Failback.OFF:
        return None
    out, unacknowledged = drained(question.state.context.overrides, question.now), None
    lane = current.lanes[0]
    for name in policy.providers[: policy.providers.index(current.active)]:
        standing = standings[name]
        if lane.canary is not None and lane.canary.provider != name:
            continue  # one at a time
        if name in out or not _well(standing, lane):
            continue
        if standing.needs_ack:
            unacknowledged = unacknowledged or name
            continue
        if lane.canary is None and not _earned(question, name, ANY_RECEIVER):
            continue
        final = replace(lane, providers=ordered(name, standings, policy, out), shares=())
        why = f"{name} is preferred and has earned its return: {_reason(question, name, ANY_RECEIVER)}"
        whole = current.with_lane(replace(final, shares=shares_for(question, final, standings)))
        return _step(question, lane, name, whole, standings, why)
    if unacknowledged is None:
        return None
    reason = f"{unacknowledged} takes mail again after an account fault; it returns once a person has acknowledged it."
    clearing = (f"Acknowledge with: relaypilot ack {unacknowledged}",)
    return Stay(rule="account-fault", reason=reason, blocked_by=clearing)


def rejoin(question: Question, lane: Lane, standings: Mapping[str, Standing]) -> Decision | None:
    """Return the next step by which a receiver's mail goes back to where all other mail goes, or what it waits for."""
    policy, back, receiver = question.policy, question.current.active, lane.receiver
    if lane.active == back:
        reason = f"Mail to {receiver} goes where all other mail goes again, through {back}."
        route = question.current.without_lane(receiver)
        move = Switchover(route=route, reason=reason, rule="rejoined", trigger=FAILBACK, receiver=receiver)
        closed = gates(question.state, policy, question.now, receiver=receiver)
        return None if closed else passed(move, (), question, None, alert=False)
    if policy.failback is Failback.OFF or back not in policy.providers:
        return None
    standing, out = standings[back], drained(question.state.context.overrides, question.now)
    if back in out or not _well(standing, lane) or standing.needs_ack:
        return None
    if lane.canary is None and not _earned(question, back, receiver):
        return None
    why = f"{back} has earned the mail to {receiver} back: {_reason(question, back, receiver)}"
    return _step(question, lane, back, question.current.without_lane(receiver), standings, why)


def _well(standing: Standing, lane: Lane) -> bool:
    """Return whether nothing speaks against a return: what is confined to receivers with a way of their own does not.

    A canary under suspicion is waited for.
    """
    if standing.status is Status.SUSPECT:
        return lane.canary is not None
    if standing.status is Status.HEALTHY:
        return True
    chief = standing.chief
    return chief is not None and standing.weighing is Severity.NONE and chief.receivers <= standing.confined


def _earned(question: Question, name: str, receiver: str) -> bool:
    """Return whether good results enough in a row, and a fresh one, speak for this provider in this lane."""
    kind = Severity.MISPLACING if receiver in question.policy.receivers else Severity.NONE
    if _run(question, name, receiver) < question.policy.failback_rounds:
        return False
    why = unproven(name, question.state, question.policy, question.now, left_for=kind, since=None, receiver=receiver)
    return why is None


def _run(question: Question, name: str, receiver: str) -> int:
    """Return how many good results in a row speak for a provider in this lane: where seeds are, those of its probes."""
    seeded = receiver in question.policy.receivers
    signals = PER_RECEIVER if seeded else _EARNING
    tracks = question.state.providers[name].tracks
    runs = (t.good_run for (at, s), t in tracks.items() if s in signals and (at == receiver or not seeded))
    return max(runs, default=0)


def _reason(question: Question, name: str, receiver: str) -> str:
    return health_of(name, receiver, question.state, question.policy, question.now).reason


def _step(
    question: Question, lane: Lane, name: str, final: Route, standings: Mapping[str, Standing], why: str
) -> Decision | None:
    """Return the canary's first step or its next, the whole return at the last, or what the next waits for."""
    state, policy, now, receiver = question.state, question.policy, question.now, lane.receiver
    canary = lane.canary
    if policy.shares and name not in lane.providers:
        return None  # the order behind the active provider comes first
    steps = [p for p in policy.failback_shares if p < 100] if policy.shares else []  # noqa: PLR2004
    reason, closed = why, gates(state, policy, now, receiver=receiver, needs=(name,))
    if canary is None:
        hold = hold_gate(state, policy, now, receiver, back_to=name)
        closed = gates(state, policy, now, receiver=receiver, needs=(name,), hold=hold)
    elif waiting := _waits(question, lane, canary, standings[name]):
        return waiting
    else:
        since = state.context.lane_times.get(receiver)
        began = f" since {utc(since)}" if since else ""
        reason = f"{name} has carried {canary.percent} % of the mail{_to(receiver)} well{began}."
    for percent in steps:
        wanted = Share(provider=name, percent=percent, kind=ShareKind.CANARY)
        shares = shares_for(question, lane, standings, canary=wanted)
        given = next((s.percent for s in shares if s.provider == name), 0)
        if given <= (canary.percent if canary else 0):
            continue
        told = f"{reason} It gets {given} % of the mail{_to(receiver)} now, then more as long as all goes well."
        route = question.current.with_lane(replace(lane, shares=shares))
        move = Switchover(route=route, reason=told, rule=CANARY, trigger=FAILBACK, receiver=receiver)
        return passed(move, closed, question, None, alert=False)
    if canary is not None:
        reason += f" It gets all of it now: {_reason(question, name, receiver)}"
    move = Switchover(route=final, reason=reason, rule="failback", trigger=FAILBACK, receiver=receiver)
    return passed(move, closed, question, None, alert=False)


def _waits(question: Question, lane: Lane, canary: Share, standing: Standing) -> Stay | None:
    """Return why the next step of a canary does not come yet; none when it is due."""
    state, policy, name = question.state, question.policy, canary.provider
    since = state.context.lane_times.get(lane.receiver)
    carries = f"{name} carries {canary.percent} % of the mail{_to(lane.receiver)} on its way back"

    def waiting(why: str) -> Stay:
        sentence = f"{why[0].upper()}{why[1:]}."
        return Stay(rule=CANARY, reason=f"{carries}; {why}.", blocked_by=(sentence,), receiver=lane.receiver)

    if standing.status is Status.SUSPECT:
        why = f"it gets no more while it is suspected: {_reason(question, name, lane.receiver)}"
        return waiting(why.removesuffix("."))
    if since is None:
        return None
    due = since + timedelta(seconds=policy.share_step_seconds)
    if question.now < due:
        return waiting(f"the next step comes at {utc(due)} if all goes well")
    provider, patience = state.providers[name], timedelta(seconds=PATIENCE_STEPS * policy.share_step_seconds)
    live = provider.tracks.get((ANY_RECEIVER, Signal.LIVE))
    proved = provider.good_at is not None and provider.good_at > since
    carried = live is not None and live.last_good_at is not None and live.last_good_at > since
    if not proved:
        return waiting(f"the next step waits for a check that it passes since {utc(since)}")
    if carried or question.now >= since + patience:
        return None
    latest = utc(since + patience)
    return waiting(f"the next step comes as soon as it is seen to take live mail, at {latest} at the latest")


def still_to_earn(question: Question, name: str) -> int:
    """Return how many good results in a row a provider still lacks before its return to the default lane begins."""
    run = _run(question, name, ANY_RECEIVER)
    return max(0, question.policy.failback_rounds - run)


def _to(receiver: str) -> str:
    return "" if receiver == ANY_RECEIVER else f" to {receiver}"


def still_returning(question: Question, lane: Lane, standings: Mapping[str, Standing]) -> Share | None:
    """Return the canary share that this lane has and may keep."""
    canary = lane.canary
    if canary is None or canary.provider not in standings or question.policy.failback is Failback.OFF:
        return None
    return canary if spoilt(question, canary, standings[canary.provider]) is None else None
