"""What of the administrator's own settings a route must live with. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What relaypilot writes though the administrator may have something there.
SHARED_SETTINGS = (
    "relayhost",
    "default_transport",
    "relay_transport",
    "transport_maps",
    "sender_dependent_default_transport_maps",
)
_DEFAULTS = {"default_transport": "smtp", "relay_transport": "relay"}  # postconf(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around the route in main.cf, and what this Postfix offers."""

    own: Mapping[str, str | None] = field(default_factory=dict)  # shared settings without our part; None: not there
    relayhost_maps: str = ""  # sender_dependent_relayhost_maps
    map_types: frozenset[str] = frozenset()  # postconf -m
    taken_over: bool = False  # a route of ours is in force
    relay_domains: tuple[str, ...] = ()  # those for which no map of the administrator names a destination
    left_out: Mapping[str, str] = field(default_factory=dict)  # receivers' domains not to be routed by us -> why
    catch_all: str | None = None  # entry of transport_maps that answers for every domain
    bare_senders: str | None = None  # what of sender_dependent_default_transport_maps has, or may have, no nexthop
    problem: str | None = None  # why the rest is not known: a table of the administrator's that cannot be read

    def own_value(self, name: str) -> str:
        """Return what a shared setting would hold without relaypilot."""
        return self.own.get(name) or _DEFAULTS.get(name, "")


NO_SURROUNDINGS = Surroundings()


def surroundings_json(seen: Surroundings) -> dict[str, Any]:
    """Return the surroundings as JSON values."""
    return {
        "own": dict(seen.own),
        "relayhost_maps": seen.relayhost_maps,
        "map_types": sorted(seen.map_types),
        "taken_over": seen.taken_over,
        "relay_domains": list(seen.relay_domains),
        "left_out": {
            why: [name for name, reason in seen.left_out.items() if reason == why]
            for why in dict.fromkeys(seen.left_out.values())
        },
        "catch_all": seen.catch_all,
        "bare_senders": seen.bare_senders,
        "problem": seen.problem,
    }


def surroundings_from_json(values: Mapping[str, Any]) -> Surroundings:
    """Return the surroundings of JSON values."""
    return Surroundings(
        **{
            **values,
            "map_types": frozenset(values["map_types"]),
            "relay_domains": tuple(values["relay_domains"]),
            "left_out": {name: why for why, names in values["left_out"].items() for name in names},
        }
    )
