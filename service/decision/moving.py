"""The route of a move that a person asks for: a provider first for all mail, or for one receiver's. Pure."""

from datetime import datetime

from service.decision.candidate import ordered
from service.decision.decision import Question
from service.decision.override import drained
from service.decision.policy import Policy
from service.decision.residue import without_residue
from service.decision.route import ANY_RECEIVER, Lane, Route, simple_route
from service.decision.share import shares_for
from service.decision.standing import standings
from service.decision.state import State


def route_to(
    to: str, current: Route | None, state: State, policy: Policy, now: datetime, receiver: str = ANY_RECEIVER
) -> Route:
    """Return the route with this provider first, the others behind it as usual.

    When all mail moves, no receiver's mail goes a way of its own any more. Standbys are kept warm and caps are kept
    to; a ramp is for moves that nobody watches.
    """
    here = standings(state, policy, now, receiver)
    order = ordered(to, here, policy, drained(state.context.overrides, now))
    lane = Lane(providers=order, receiver=receiver)
    base = without_residue(current, policy) if current else simple_route(*order)
    whole = Route(lanes=(lane,)) if receiver == ANY_RECEIVER else base
    question = Question(state=state, current=whole, policy=policy, now=now)
    lane = Lane(providers=order, receiver=receiver, shares=shares_for(question, lane, here))
    if receiver == ANY_RECEIVER:
        return Route(lanes=(lane,))
    return base.without_lane(receiver) if to == base.active else base.with_lane(lane)
