"""A way of its own for one receiver's mail, where only few are affected; all other mail stays where it is. Pure."""

from collections.abc import Mapping

from service.decision.candidate import ordered
from service.decision.decision import AUTOMATIC, Decision, Need, Question, Stay, Switchover
from service.decision.gate import gates, hold_gate
from service.decision.need import need_of, target_for
from service.decision.override import drained
from service.decision.passage import passed
from service.decision.route import Lane, Route
from service.decision.share import shares_for
from service.decision.standing import Standing


def lane_need(
    question: Question, receiver: str, overall: Mapping[str, Standing], standings: Mapping[str, Standing]
) -> Need | None:
    """Return why this receiver's mail is to leave its present provider though other mail may stay.

    Without a way of its own it only leaves for a fault that is confined to few receivers: else all mail moves.
    """
    own = question.current.own_lane(receiver)
    active = question.lane(receiver).active
    if own is None and (active not in overall or receiver not in overall[active].confined):
        return None
    return need_of(question, active, receiver, standings)


def lane_move(question: Question, receiver: str, need: Need, standings: Mapping[str, Standing]) -> Decision:
    """Return the move of this receiver's mail, or why it is not made."""
    state, policy, now = question.state, question.policy, question.now
    active = question.lane(receiver).active
    target = target_for(question, active, need, standings, receiver)
    if target.provider is None:
        why = "; ".join(target.against) or "there is no other provider"
        reason = f"{need.reason} No better provider is proven for mail to {receiver}: {why}."
        return Stay(rule="no-better-provider", reason=reason, alert=True, receiver=receiver, evidence=need.evidence)
    hold = None if need.hard else hold_gate(state, policy, now, receiver)
    closed = gates(state, policy, now, receiver=receiver, needs=(active,), hold=hold)
    move = Switchover(
        route=_route(question, receiver, target.provider, standings),
        reason=f"{need.reason} Only mail to {receiver} is concerned.",
        rule=need.rule,
        trigger=AUTOMATIC,
        receiver=receiver,
        evidence=need.evidence,
    )
    return passed(move, closed, question, need.since, alert=True)


def _route(question: Question, receiver: str, to: str, standings: Mapping[str, Standing]) -> Route:
    if to == question.current.active:
        return question.current.without_lane(receiver)
    out = drained(question.state.context.overrides, question.now)
    lane = Lane(providers=ordered(to, standings, question.policy, out), receiver=receiver)
    shares = shares_for(question, lane, standings, moved=True)
    return question.current.with_lane(Lane(providers=lane.providers, receiver=receiver, shares=shares))


def no_lane(question: Question, receiver: str) -> Decision | None:
    """Return the end of a way of its own that this receiver can no longer have; none while it can."""
    if receiver in question.policy.lane_receivers:
        return None
    reason = f"Mail to {receiver} can have no way of its own any more, so it goes with all other mail."
    move = Switchover(
        route=question.current.without_lane(receiver),
        reason=reason,
        rule="no-receiver-lane",
        trigger=AUTOMATIC,
        receiver=receiver,
    )
    closed = gates(question.state, question.policy, question.now, receiver=receiver)
    return passed(move, closed, question, None, alert=False)
