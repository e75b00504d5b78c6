"""What an earlier configuration has left in a route, and no route may hold any more. Pure."""

from dataclasses import replace

from service.decision.policy import Policy
from service.decision.route import Lane, Route


def without_residue(route: Route, policy: Policy) -> Route:
    """Return the route as far as the present configuration knows it.

    Lanes change one at a time, so what is left over in one of them would otherwise have every change of another
    refused: mail would stay where it is, however bad. Gone are receivers that can have no way of their own, providers
    that are not configured (but not the one that carries all other mail: leaving it is a move), and shares that
    cannot be given.
    """
    first = route.lanes[0]
    default = _known(first, policy, keep=first.active)
    others = [_known(lane, policy) for lane in route.lanes[1:] if lane.receiver in policy.lane_receivers]
    ended = {lane.receiver for lane in route.lanes[1:] if lane.active not in policy.providers}
    lanes = [lane for lane in others if lane.providers and not (lane.receiver in ended and lane.active == first.active)]
    return Route(lanes=(default, *lanes))


def _known(lane: Lane, policy: Policy, keep: str | None = None) -> Lane:
    providers = tuple(name for name in lane.providers if name in policy.providers or name == keep)
    shares = tuple(share for share in lane.shares if policy.shares and share.provider in providers[1:])
    return replace(lane, providers=providers, shares=shares)
