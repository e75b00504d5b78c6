"""Overrides: what a person has ordered: pause, pin, drain, and their ends; acknowledgements. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

_ENDS = {"resume": "pause", "unpin": "pin", "undrain": "drain"}
VERBS = ("pause", "pin", "drain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One order in force: who, why, until when."""

    verb: str  # "pause", "pin", "drain"
    provider: str | None
    until: datetime | None
    actor: str
    reason: str
    at: datetime

    def in_force(self, now: datetime) -> bool:
        """Return whether it has not expired."""
        return self.until is None or now < self.until


def overridden(overrides: tuple[Override, ...], at: datetime, detail: Mapping[str, str]) -> tuple[Override, ...]:
    """Return the overrides after one more was given or taken back; expired ones are dropped.

    A new pause or pin replaces the old one; a drain replaces that provider's drain.
    """
    verb, provider = detail.get("verb", ""), detail.get("provider") or None
    ends = _ENDS.get(verb, verb)
    kept = tuple(
        o
        for o in overrides
        if o.in_force(at) and not (o.verb == ends and (ends != "drain" or provider in (None, o.provider)))
    )
    if verb not in VERBS:
        return kept
    until = detail.get("until")
    return (
        *kept,
        Override(
            verb=verb,
            provider=provider,
            until=datetime.fromisoformat(until) if until else None,
            actor=detail.get("actor", ""),
            reason=detail.get("reason", ""),
            at=at,
        ),
    )


def given_by(overrides: tuple[Override, ...], at: datetime, *, stepped: bool) -> tuple[Override, ...]:
    """Return the overrides as given at `at` at the latest.

    `stepped`: the clock was seen to be set back, so one that it had stamped later lasts from now on as long as a
    person asked for. Otherwise the end that a person was told stands.
    """

    def end(o: Override) -> datetime | None:
        return o.until - (o.at - at) if stepped and o.until is not None else o.until

    return tuple(o if o.at <= at else replace(o, at=at, until=end(o)) for o in overrides)
