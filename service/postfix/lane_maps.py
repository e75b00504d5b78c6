"""Lanes as Postfix's own maps: a draw by randmap, the receiver by a table of domains, the nexthops by another. Pure.

A key of the table `lanes` names a lane and the provider drawn: `*.a` for all mail, `gmail.a` for one receiver,
and `gmail` alone where nothing is drawn. Provider and receiver names hold neither dot nor asterisk.
"""

from math import gcd

from service.decision.route import ANY_RECEIVER, Lane, Route
from service.postfix.installation import Installation
from service.postfix.map_list import INDEX_SUFFIXES, best_table_type, split_maps
from service.postfix.rendering import PUBLIC, Lookup, OwnedFile
from service.postfix.surroundings import Surroundings
from service.postfix.table_rows import table_text, versioned

LANES, DOMAINS = "lanes", "domains"
LAST_FORM = "last_form"
NAMED_RELAY = "named_relay"
CANARY_SENDER, CANARY_RECIPIENTS = "canary_sender", "canary_recipients"
UNLISTED_DOMAIN = "relaypilot.invalid"  # a name that no map should know (RFC 2606)


def receiver_lanes(route: Route) -> tuple[Lane, ...]:
    """Return the lanes of receivers whose mail is to go otherwise than all other mail."""
    first = route.lanes[0]
    return tuple(lane for lane in route.lanes[1:] if (lane.providers, lane.shares) != (first.providers, first.shares))


def draws(lane: Lane) -> dict[str, int]:
    """Return which provider is tried first in how many of a hundred messages; the first choice stands first."""
    shares = {share.provider: share.percent for share in lane.shares}
    return {lane.providers[0]: 100 - sum(shares.values())} | shares


def order_after(provider: str, lane: Lane) -> tuple[str, ...]:
    """Return the providers that a message drawn for this one tries: it, and then all others in the lane's order."""
    return (provider, *(name for name in lane.providers if name != provider))


def key_of(lane: Lane, provider: str) -> str:
    """Return the key of the table `lanes` for a message of this lane drawn for this provider."""
    return f"{lane.receiver}.{provider}" if lane.shares else lane.receiver


class LaneMaps:
    """The maps of one route on one installation: values of settings, rows of tables."""

    def __init__(self, route: Route, installation: Installation, seen: Surroundings) -> None:
        """Take what the maps are made of; renders nothing yet."""
        self._first, self._receivers = route.lanes[0], receiver_lanes(route)
        self._at, self._seen = installation, seen
        self._table_type = best_table_type(seen.map_types)
        self._texts: dict[str, str] = {}
        if self._keeps_senders:
            # DUNNO names no relay: such a sender takes the route, and would reach a provider without a login if it
            # took the administrator's transport (postconf(5) sender_dependent_relayhost_maps; 3.7.11, 2026-11).
            self._texts[NAMED_RELAY] = table_text([r"!/^dunno$/ x"])
        rows = {
            LANES: self._lane_rows(),
            DOMAINS: self._domain_rows(),
            CANARY_SENDER: self._canary_sender_rows(),
            CANARY_RECIPIENTS: self._canary_recipient_rows(),
            # Postfix asks every map for a whole address before it asks any for its domain, and randmap answers whatever
            # it is asked: so the draw must wait for the last question, or entries of the administrator's for a domain
            # would not count. Behind a regexp alone it would not be asked that: a fixed map must stand beside, hence
            # the union (3.7.11, 2026-11).
            LAST_FORM: [r"/^(@.*|<>)$/ x"] if self._first.shares and self._theirs() else [],
        }
        self._texts |= {name: table_text(several) for name, several in rows.items() if several}

    @property
    def _mapped(self) -> tuple[Lane, ...]:
        return ((self._first,) if self._first.shares else ()) + self._receivers

    def destination(self, lane: Lane, provider: str) -> str:
        """Return `transport:nexthop,nexthop` (transport(5)) for a message drawn for this provider."""
        hops = ",".join(self._at.providers[name].nexthop for name in order_after(provider, lane))
        return f"{self._at.service_prefix}{provider}:{hops}"

    def files(self) -> dict[str, OwnedFile]:
        """Return the tables by their whole path; none for a route without shares and lanes of receivers."""
        index = self._table_type if self._table_type in INDEX_SUFFIXES else ""
        return {
            self._path(name): OwnedFile(text=text, mode=PUBLIC, index=index if name == DOMAINS else "")
            for name, text in self._texts.items()
        }

    def _path(self, name: str) -> str:
        return f"{self._at.owned_dir}/{versioned(name, self._texts[name])}"

    def _lane_rows(self) -> list[str]:
        """Return the rows of the table `lanes`."""
        return [
            f"{key_of(lane, provider)} {self.destination(lane, provider)}"
            for lane in self._mapped
            for provider in draws(lane)
        ]

    def _domain_rows(self) -> list[str]:
        """Return the rows of the table `domains`, with a comment for each domain that stays out."""
        rows = []
        for lane in self._receivers:
            for domain in self._at.receivers[lane.receiver]:
                why = self._seen.left_out.get(domain)
                rows.append(f"{domain} {lane.receiver}" if why is None else f"# {domain} stays out: {why}")
        return rows

    def sender_maps(self) -> tuple[str, ...]:
        """Return the value of sender_dependent_default_transport_maps, entry by entry.

        What the administrator has there comes first, then the senders for whom his sender_dependent_relayhost_maps
        name a relay, who keep his transport, then the draw.
        """
        theirs = self._theirs()
        if not self._first.shares:
            return theirs
        canary = [f"texthash:{self._path(CANARY_SENDER)}"] if CANARY_SENDER in self._texts else []
        return (*theirs, *canary, self._drawing(self._first))

    @property
    def _keeps_senders(self) -> bool:
        """Return whether sender_dependent_relayhost_maps count: a nexthop in default_transport always beats them."""
        return ":" not in self._seen.own_value("default_transport") and bool(split_maps(self._seen.relayhost_maps))

    def _theirs(self) -> tuple[str, ...]:
        own = split_maps(self._seen.own_value("sender_dependent_default_transport_maps"))
        if not self._keeps_senders:
            return own
        last = (f"regexp:{self._path(NAMED_RELAY)}", f"static:{self._seen.own_value('default_transport')}")
        return own + tuple(_pipe(name, *last) for name in split_maps(self._seen.relayhost_maps))

    def recipient_maps(self) -> tuple[str, ...]:
        """Return the entries that follow the administrator's own in transport_maps."""
        if not self._receivers:
            return ()
        drawn = [lane for lane in self._receivers if lane.shares]
        maps = [f"texthash:{self._path(CANARY_RECIPIENTS)}"] if CANARY_RECIPIENTS in self._texts else []
        maps += [self._drawing(lane) for lane in drawn]
        if len(drawn) != len(self._receivers):
            maps.append(self._not_drawing())
        return tuple(maps)

    @property
    def _domains(self) -> str:
        return f"{self._table_type}:{self._path(DOMAINS)}"

    def _drawing(self, lane: Lane) -> str:
        """Return the map that draws a provider for each message, or recipient, of one lane."""
        chosen: list[str] = []
        if lane.receiver != ANY_RECEIVER:
            chosen = [self._domains, f"inline:{{{lane.receiver}=x}}"]
        elif LAST_FORM in self._texts:
            chosen = [f"unionmap:{{inline:{{no=x}},regexp:{self._path(LAST_FORM)}}}"]
        percents = draws(lane)
        unit = gcd(*percents.values())
        lots = ",".join(key_of(lane, name) for name, percent in percents.items() for _ in range(percent // unit))
        return _pipe(*chosen, f"randmap:{{{lots}}}", f"texthash:{self._path(LANES)}")

    def _canary_sender_rows(self) -> list[str]:
        """Return the row that takes the canary messages past the draw, to the first choice for all mail."""
        if not self._first.shares or not self._at.canary_sender or not self._at.canary_recipients:
            return []
        return [f"{self._at.canary_sender} {self.destination(self._first, self._first.providers[0])}"]

    def _canary_recipient_rows(self) -> list[str]:
        """Return the rows that take the canary messages past the draw, to the first choice of the seed's lane."""
        left_out = self._seen.left_out  # a seed there keeps its way, too: mail for a domain of this host would loop
        lanes = {d: lane for lane in self._receivers for d in self._at.receivers[lane.receiver] if d not in left_out}
        return [
            f"{address} {self.destination(lane, lane.providers[0])}"
            for address in self._at.canary_recipients
            if (lane := lanes.get(address.rpartition("@")[2].lower())) and lane.shares
        ]

    def lookups(self) -> tuple[Lookup, ...]:
        """Return what each map of ours must answer for a sender, or a domain, that it is for."""
        keys = [(lane, self._known_domain(lane)) for lane in self._receivers]
        keys += [(self._first, f"@{UNLISTED_DOMAIN}")] if self._first.shares else []
        return tuple(
            Lookup(
                map=self._drawing(lane) if lane.shares else self._not_drawing(),
                key=key,
                answers=tuple(self.destination(lane, provider) for provider in draws(lane)),
            )
            for lane, key in keys
            if key is not None
        )

    def _known_domain(self, lane: Lane) -> str | None:
        return next((d for d in self._at.receivers[lane.receiver] if d not in self._seen.left_out), None)

    def _not_drawing(self) -> str:
        return _pipe(self._domains, f"texthash:{self._path(LANES)}")


def _pipe(*maps: str) -> str:
    return f"pipemap:{{{','.join(maps)}}}"
