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
        """Return whether another provider is tried first, on any lane."""
        before = {_key(lane): lane.providers[:1] for lane in (self.current.lanes if self.current else ())}
        return any(before.get(_key(lane)) != lane.providers[:1] for lane in self.wanted.lanes)


def plan(current: Route | None, wanted: Route) -> Plan:
    """Return the plan that leads from one route to the other; without changes when they are equal."""
    before = {_key(lane): lane.providers for lane in (current.lanes if current else ())}
    after = {_key(lane): lane.providers for lane in wanted.lanes}
    changes = [
        f"{_name(*key)}: {_list(before.get(key))} → {_list(after.get(key))}"
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key)
    ]
    return Plan(current=current, wanted=wanted, changes=tuple(changes))


def _key(lane: Lane) -> tuple[str, str]:
    return lane.stream, lane.receiver


def _name(stream: str, receiver: str) -> str:
    words = [stream] if stream != DEFAULT_STREAM else []
    words += [receiver] if receiver != ANY_RECEIVER else []
    return f"mail ({', '.join(words)})" if words else "all mail"


def _list(providers: tuple[str, ...] | None) -> str:
    return ", ".join(providers) if providers else "nothing"
