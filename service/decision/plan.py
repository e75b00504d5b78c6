"""Plans: the difference between the route in force and the one wanted, in sentences. Pure."""

from dataclasses import dataclass

from service.decision.route import ANY_RECEIVER, DEFAULT_STREAM, Lane, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is in force, what is wanted, and one sentence for each lane that differs."""

    current: Route | None
    wanted: Route
    changes: tuple[str, ...]

    @property
    def moves(self) -> bool:
        """Return whether another provider is tried first, for any mail."""
        return bool(self.moved)

    @property
    def moved(self) -> tuple[Lane, ...]:
        """Return the lanes that mail takes then whose first provider is another than now."""
        found = []
        before = self.current if self.current is not None and self.current.lanes else None
        keys = dict.fromkeys(_key(lane) for lane in (*self.wanted.lanes, *(before.lanes if before else ())))
        for key in keys:
            then, now = _taken(self.wanted, key), _taken(before, key)
            if then is not None and (now is None or now.providers[:1] != then.providers[:1]) and then not in found:
                found.append(then)
        return tuple(found)


def plan(current: Route | None, wanted: Route) -> Plan:
    """Return the plan that leads from one route to the other; without changes when they are equal."""
    before = {_key(lane): lane for lane in (current.lanes if current else ())}
    after = {_key(lane): lane for lane in wanted.lanes}
    changes = [
        f"{_name(*key)}: {_list(before.get(key), alone=not before)} → {_list(after.get(key), alone=not after)}"
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key)
    ]
    return Plan(current=current, wanted=wanted, changes=tuple(changes))


def in_words(lane: Lane) -> str:
    """Return a lane's providers in order, and who gets a share of its mail first."""
    shares = [f"{share.provider} {share.percent} % ({share.kind})" for share in lane.shares]
    return ", ".join(lane.providers) + (f"; shares: {', '.join(shares)}" if shares else "")


def _key(lane: Lane) -> tuple[str, str]:
    return lane.stream, lane.receiver


def _taken(route: Route | None, key: tuple[str, str]) -> Lane | None:
    """Return the lane that mail of this stream to this receiver takes."""
    if route is None or not route.lanes:
        return None
    return next((lane for lane in route.lanes if _key(lane) == key), route.lanes[0])


def _name(stream: str, receiver: str) -> str:
    words = [stream] if stream != DEFAULT_STREAM else []
    words += [receiver] if receiver != ANY_RECEIVER else []
    return f"mail ({', '.join(words)})" if words else "all mail"


def _list(lane: Lane | None, *, alone: bool) -> str:
    if lane is None:
        return "nothing" if alone else "as all other mail"
    return in_words(lane)
