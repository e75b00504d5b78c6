"""Decides: stay, or have another route, each with its reason. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from service.decision.candidate import ordered
from service.decision.decision import AUTOMATIC, FAILBACK, Decision, Need, Question, Stay, Switchover
from service.decision.failback import failback, rejoin
from service.decision.gate import gates, hold_gate
from service.decision.health import health_of
from service.decision.need import need_of, target_for
from service.decision.override import drained
from service.decision.passage import passed
from service.decision.policy import Policy
from service.decision.reason import utc
from service.decision.receiver_lane import lane_move, lane_need, no_lane
from service.decision.residue import without_residue
from service.decision.route import ANY_RECEIVER, Lane, Route
from service.decision.share import shares_for
from service.decision.share_change import adjustment, withdrawal
from service.decision.standby import standby_order
from service.decision.standing import Standing, standings
from service.decision.state import State

__all__ = ["AUTOMATIC", "FAILBACK", "Stay", "Switchover", "decide"]


def decide(state: State, current: Route, policy: Policy, now: datetime) -> Decision:
    """Return what is to be done about the route in force.

    Of all that is due the most urgent is returned, one lane's change at a time: mail leaves what is bad before
    anything returns, and shares come last. A move goes to a provider that is strictly less bad and proven for the
    kind of fault it is made for. Observe mode decides the same; a would-be move already told is not told again.
    """
    question = Question(state=state, current=current, policy=policy, now=now)
    local = state.context.local
    if local is not None:
        reason = (
            f"All providers are out of reach at once since {utc(local.since)} and the control check {local.control}: "
            "this is our own network, so nothing counts against them and nothing is moved."
        )
        return Stay(rule="local-fault", reason=reason, alert=True, evidence=(local.cite,))
    stays: list[Stay] = []
    for found in _due(question):
        if isinstance(found, Switchover):
            return replace(found, route=without_residue(found.route, policy))
        stays.append(found)
    return next((stay for stay in stays if stay.alert), stays[0])


def _due(question: Question) -> Iterator[Decision]:
    """Yield what is due, the most urgent first; in the end how the active provider fares."""
    state, current, policy, now = question.state, question.current, question.policy, question.now
    overall = standings(state, policy, now)
    main = need_of(question, current.active, ANY_RECEIVER, overall)
    if main is not None:
        yield _move(question, main, overall)
    at = {lane.receiver: standings(state, policy, now, lane.receiver) for lane in current.lanes[1:]}
    pressed = {ANY_RECEIVER} if main is not None else set()
    for receiver in dict.fromkeys((*current.receivers, *policy.lane_receivers)):
        own = current.own_lane(receiver)
        if own is not None and (ended := no_lane(question, receiver)):
            yield ended
        if own is None and receiver not in _confined(question, overall):
            continue
        here = at.get(receiver) or standings(state, policy, now, receiver)
        need = lane_need(question, receiver, overall, here)
        if need is not None:
            pressed.add(receiver)
            yield lane_move(question, receiver, need, here)
    lanes = [(lane, at.get(lane.receiver, overall)) for lane in current.lanes]
    for lane, here in lanes:
        if (taken := withdrawal(question, lane, here)) is not None:
            yield taken
    yield from _quiet(question, [(lane, here) for lane, here in lanes if lane.receiver not in pressed])
    if main is None:
        for key, note in state.context.notes.items():
            if key.startswith("message") and (now - note.at).total_seconds() <= policy.evidence_lifetime_seconds:
                yield Stay(rule="message", reason=note.sentence, alert=True)
        health = health_of(current.active, ANY_RECEIVER, state, policy, now)
        yield Stay(rule=str(health.status), reason=health.reason, evidence=health.evidence)


def _confined(question: Question, overall: Mapping[str, Standing]) -> frozenset[str]:
    standing = overall.get(question.current.active)
    return standing.confined if standing is not None else frozenset()


def _quiet(question: Question, lanes: list[tuple[Lane, Mapping[str, Standing]]]) -> Iterator[Decision]:
    """Yield what is to be done for lanes whose active provider gives no reason to leave it."""
    stays: list[Stay] = []
    for lane, here in lanes:
        back = failback(question, here) if lane.receiver == ANY_RECEIVER else rejoin(question, lane, here)
        if isinstance(back, Stay):
            stays.append(back)
        elif back is not None:
            yield back
    for lane, here in lanes:
        if (reordered := standby_order(question, lane, here)) is not None:
            yield reordered
    for lane, here in lanes:
        if (shared := adjustment(question, lane, here)) is not None:
            yield shared
    yield from stays


def _move(question: Question, need: Need, overall: Mapping[str, Standing]) -> Decision:
    """Return the move of all mail, or why it is not made."""
    state, policy, now, active = question.state, question.policy, question.now, question.current.active
    target = target_for(question, active, need, overall)
    if target.provider is None and (starting := [g for g in gates(state, policy, now) if g.rule == "start"]):
        sentence = starting[0].sentence
        reason = f"{need.reason} {sentence}"
        return Stay(rule="start", reason=reason, blocked_by=(sentence,), evidence=need.evidence)
    if target.provider is None:
        why = "; ".join(target.against) or "there is no other provider"
        reason = f"{need.reason} No better provider is proven: {why}."
        return Stay(rule="no-better-provider", reason=reason, alert=True, evidence=need.evidence)
    out = drained(state.context.overrides, now)
    lane = Lane(providers=ordered(target.provider, overall, policy, out))
    lane = Lane(providers=lane.providers, shares=shares_for(question, lane, overall, moved=True))
    hold = None if need.hard else hold_gate(state, policy, now)
    closed = gates(state, policy, now, needs=(active,), hold=hold)
    move = Switchover(
        route=question.current.with_lane(lane),
        reason=need.reason,
        rule=need.rule,
        trigger=AUTOMATIC,
        evidence=need.evidence,
    )
    return passed(move, closed, question, need.since, alert=True)
