"""Nexthops as Postfix spells them: `[host]:port`, and the list of them that `relayhost` holds (Postfix 3.5). Pure."""

import re
from collections.abc import Mapping

from providers.base import RelayEndpoint

_NEXTHOP = re.compile(r"\[(?P<host>[^\[\]\s,]+)\]:(?P<port>\d{1,5})")


def nexthop_list(providers: tuple[str, ...], endpoints: Mapping[str, RelayEndpoint]) -> str:
    """Return the value of `relayhost` for these providers, first choice first."""
    return ", ".join(endpoints[name].nexthop for name in providers)


def split_nexthops(value: str) -> tuple[str, ...]:
    """Return the nexthops of a `relayhost` value, in lower case (postconf(5) relayhost)."""
    return tuple(part.lower() for part in re.split(r"[,\s]+", value.strip()) if part)


def providers_of(value: str, known: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the providers that a `relayhost` value names, or None when one of its nexthops is not ours.

    `known` maps nexthop, in lower case, to provider.
    """
    names = tuple(known.get(nexthop, "") for nexthop in split_nexthops(value))
    return names if names and all(names) else None


def host_and_port(nexthop: str) -> tuple[str, int] | None:
    """Return host, in lower case and without a closing dot, and port of a nexthop that names both."""
    found = _NEXTHOP.fullmatch(nexthop.lower())
    return (found["host"].rstrip("."), int(found["port"])) if found else None


def same_relay(nexthop: str, host: str | None, port: int | None) -> bool:
    """Return whether the relay that a delivery line names is this nexthop."""
    return host_and_port(nexthop) == ((host or "").lower().rstrip("."), port)
