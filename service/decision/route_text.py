"""Routes as text within facts: the default lane's providers, and all lanes where there is more to say. Pure."""

import json
from typing import Any

from service.decision.route import ANY_RECEIVER, Lane, Route, Share, ShareKind, simple_route


def is_simple(route: Route) -> bool:
    """Return whether the default lane's providers are all there is to say of it."""
    return len(route.lanes) == 1 and not route.lanes[0].shares


def route_detail(route: Route) -> dict[str, str]:
    """Return the route as a switchover's detail: `route`, and `lanes` unless it is simple."""
    detail = {"route": json.dumps(list(route.providers))}
    return detail if is_simple(route) else {**detail, "lanes": json.dumps([_plain(lane) for lane in route.lanes])}


def route_of_detail(route: str, lanes: str = "") -> Route | None:
    """Return the route that `route_detail` wrote, or a person; none when the texts name no route."""
    try:
        names, plain = json.loads(route or "null"), json.loads(lanes or "null")
        if plain is not None:
            found = tuple(_lane(one) for one in plain)
            first = found[0]
            return (
                Route(lanes=found) if first.receiver == ANY_RECEIVER and all(one.providers for one in found) else None
            )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None
    if not isinstance(names, list):
        return None
    providers = tuple(name for name in names if isinstance(name, str))
    return simple_route(*providers) if providers else None


def _plain(lane: Lane) -> dict[str, Any]:
    plain: dict[str, Any] = {"receiver": lane.receiver, "providers": list(lane.providers)}
    if lane.shares:
        plain["shares"] = [[share.provider, share.percent, str(share.kind)] for share in lane.shares]
    return plain


def _lane(plain: dict[str, Any]) -> Lane:
    return Lane(
        receiver=str(plain["receiver"]),
        providers=tuple(str(name) for name in plain["providers"]),
        shares=tuple(
            Share(provider=str(provider), percent=int(percent), kind=ShareKind(kind))
            for provider, percent, kind in plain.get("shares", ())
        ),
    )
