"""What keeps a route from being written: the route itself, the configuration, or what the administrator has. Pure."""

from collections.abc import Collection

from providers.base import TlsMode
from service.decision.route import ANY_RECEIVER, DEFAULT_STREAM, Lane, Route, ShareKind
from service.postfix.errors import RouteRefusedError
from service.postfix.installation import Installation
from service.postfix.lane_maps import receiver_lanes
from service.postfix.nexthop import split_nexthops
from service.postfix.surroundings import Surroundings

LARGEST_SHARE = 99  # percent; all shares of a lane together: the first choice keeps something
_FOR_SHARES = ("pipemap", "randmap", "texthash", "unionmap", "inline", "regexp")
_FOR_RECEIVERS = ("pipemap", "inline", "texthash")
_FOR_SENDERS = ("pipemap", "regexp", "static")
_SMTP_SERVICES = ("relay", "smtp", "$default_transport")  # what relay_transport holds where nobody chose


def check_route(route: Route, installation: Installation) -> None:
    """Refuse a route that cannot be written.

    Raises:
        RouteRefusedError: with what is wrong.
    """
    keys = [(lane.stream, lane.receiver) for lane in route.lanes]
    if not keys or keys[0] != (DEFAULT_STREAM, ANY_RECEIVER):
        raise RouteRefusedError("The first lane of a route must be the one for all streams and receivers.")
    if len(set(keys)) != len(keys):
        raise RouteRefusedError("The route has two lanes for the same receiver; give each one.")
    for stream, receiver in keys[1:]:
        if stream != DEFAULT_STREAM:
            raise RouteRefusedError(f'There is no stream "{stream[:60]}"; there is "{DEFAULT_STREAM}".')
        if installation.routing != "transport":
            raise RouteRefusedError(
                'With routing = "relayhost" a route has exactly one lane, for all streams and receivers; set '
                'routing = "transport" to send the mail of one receiver another way.'
            )
        if not installation.receivers.get(receiver):
            raise RouteRefusedError(
                f'There are no recipient domains for the receiver "{receiver[:60]}"; add them to [receivers].'
            )
    for lane in route.lanes:
        _check_lane(lane, installation)


def _check_lane(lane: Lane, installation: Installation) -> None:
    names, known = lane.providers, installation.providers
    if not names:
        raise RouteRefusedError("The route names no provider; name at least one.")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RouteRefusedError(f'There is no provider "{unknown[0][:60]}"; configured are {", ".join(known)}.')
    if len(set(names)) != len(names):
        raise RouteRefusedError("The route names a provider twice; name each once.")
    implicit = [name for name in names if known[name].tls is TlsMode.IMPLICIT]
    if implicit and len(implicit) != len(names):
        other = next(name for name in names if name not in implicit)
        raise RouteRefusedError(
            f'"{implicit[0]}" speaks TLS from the first byte (port 465) and "{other}" does not; one list of nexthops '
            "cannot hold both, so use the submission port (587) of all of them."
        )
    _check_shares(lane)


def _check_shares(lane: Lane) -> None:
    drawn, percents = [share.provider for share in lane.shares], [share.percent for share in lane.shares]
    stray = next((name for name in drawn if name not in lane.providers[1:]), None)
    if stray is not None:
        raise RouteRefusedError(
            f'The share of "{stray[:60]}" is for none of the providers behind the first choice; add it to the lane.'
        )
    if len(set(drawn)) != len(drawn):
        raise RouteRefusedError("The route gives a provider two shares; add them up.")
    if any(not 1 <= percent <= LARGEST_SHARE for percent in percents) or sum(percents) > LARGEST_SHARE:
        raise RouteRefusedError("Shares are whole percents from 1 to 99, and those of a lane at most 99 together.")
    if sum(share.kind is ShareKind.CANARY for share in lane.shares) > 1:
        raise RouteRefusedError("A lane has at most one canary share.")


def check_surroundings(route: Route, installation: Installation, seen: Surroundings) -> None:
    """Refuse a route that what the administrator has in main.cf would break, or be broken by.

    Raises:
        RouteRefusedError: with the setting and what to do about it.
    """
    refused = refused_here(installation, seen)
    if refused is None and any(lane.shares for lane in route.lanes):
        refused = shares_refused(installation, seen)
    if refused is None and receiver_lanes(route):
        refused = receivers_refused(installation, seen)
    if refused is not None:
        raise RouteRefusedError(refused)


def shares_refused(installation: Installation, seen: Surroundings) -> str | None:
    """Return why no share can be written here, or None when shares can."""
    return _missing(_FOR_SHARES, seen, "shares") or refused_here(installation, seen)


def receivers_refused(installation: Installation, seen: Surroundings) -> str | None:
    """Return why no receiver can have a lane here, or None when receivers can."""
    if installation.routing != "transport":
        return 'With routing = "relayhost" all receivers share one lane; set routing = "transport" for lanes of theirs.'
    return _missing(_FOR_RECEIVERS, seen, "lanes for receivers") or refused_here(installation, seen)


def relays_to_provider(installation: Installation, seen: Surroundings) -> bool:
    """Return whether mail for relay_domains would reach a provider, and so needs its service.

    Such mail takes relay_transport, whose stock service has neither login nor TLS for a provider, and the nexthop of
    relayhost where that setting names none (postconf(5) relay_transport).
    """
    if not seen.relay_domains or seen.own_value("relay_transport") not in _SMTP_SERVICES:
        return False
    known = {endpoint.nexthop.lower() for endpoint in installation.providers.values()}
    own = split_nexthops(seen.own_value("relayhost"))
    return installation.routing != "transport" or any(nexthop in known for nexthop in own)


def refused_here(installation: Installation, seen: Surroundings) -> str | None:
    """Return why no route at all can be written beside what the administrator has, or None when one can."""
    if seen.problem is not None:
        return seen.problem
    if seen.catch_all is not None:
        return (
            f"Every domain is sent elsewhere by transport_maps ({seen.catch_all}), so the route would have no effect; "
            "remove that entry first."
        )
    if installation.routing == "transport":
        return _missing(_FOR_SENDERS, seen, "sender_dependent_relayhost_maps") if seen.relayhost_maps else None
    return _senders_refused(seen) or _relay_domains_refused(seen)


def _senders_refused(seen: Surroundings) -> str | None:
    if seen.bare_senders is not None:
        return (
            f"Some senders have a way of their own in sender_dependent_default_transport_maps, and "
            f"{seen.bare_senders}: "
            'such mail would go to a provider without a login; set routing = "transport", which leaves relayhost '
            "alone, or name a nexthop there."
        )
    if seen.relayhost_maps and ":" in seen.own_value("default_transport"):
        return (
            "The setting sender_dependent_relayhost_maps has had no effect, as default_transport names a nexthop, and "
            'would take effect with the route; remove it, or set routing = "transport".'
        )
    return _missing(_FOR_SENDERS, seen, "sender_dependent_relayhost_maps") if seen.relayhost_maps else None


def _relay_domains_refused(seen: Surroundings) -> str | None:
    own = seen.own_value("relay_transport")
    if not seen.relay_domains or (":" in own and not own.endswith(":")) or seen.taken_over:
        return None
    named = ", ".join(seen.relay_domains[:3])
    if not seen.own_value("relayhost"):
        return (
            f"Mail for relay_domains ({named}) goes to their own mail servers now and would go to the provider once "
            'relayhost is set; set routing = "transport", which leaves relayhost alone, or give relay_transport or '
            "transport_maps a nexthop for them."
        )
    if own not in _SMTP_SERVICES:
        return (
            f"Mail for relay_domains ({named}) takes relay_transport = {own}, which names no nexthop, so it would go "
            'to the provider without a login; set routing = "transport", or name a nexthop there.'
        )
    return None


def _missing(needed: Collection[str], seen: Surroundings, what: str) -> str | None:
    absent = [kind for kind in needed if kind not in seen.map_types]
    if not absent:
        return None
    return f"This Postfix has no {', '.join(absent)} maps (postconf -m), which {what} need; install them first."
