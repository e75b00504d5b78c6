"""Whether a provider can carry a lane's mail: its cap beside the busiest hour lately. Pure."""

from datetime import datetime
from math import ceil

from service.decision.policy import Policy
from service.decision.route import Route
from service.decision.state import State
from service.decision.volume import lane_volume


def capacity(to: str, wanted: Route, receiver: str, state: State, policy: Policy, now: datetime) -> str:
    """Return in one sentence whether this provider can carry the lane's mail once the route is in force."""
    volume = ceil(lane_volume(state, wanted, receiver, policy, now))
    cap = policy.hourly_cap(to)
    if not volume:
        limit = f"; {to} may carry {cap} an hour" if cap is not None else ""
        return f"No live mail has been seen lately, so its volume is not known{limit}."
    seen = f"the busiest hour lately had {volume} messages"
    if cap is None:
        return f"{to} has no max_per_hour; {seen}."
    if volume <= cap:
        return f"{to} can carry it all: {seen}, and it may carry {cap} an hour."
    lane = wanted.lane(receiver)
    others = [f"{s.provider} {s.percent} %" for s in lane.shares]
    shed = sum(s.percent for s in lane.shares)
    carried = volume * (100 - shed) / 100
    if others and carried <= cap:
        return f"{to} may carry {cap} an hour and {seen}; the overflow goes to others: {', '.join(others)}."
    beside = f" although {', '.join(others)} go to others" if others else ""
    return f"{to} cannot carry it all: it may carry {cap} an hour, and {seen}{beside}."
