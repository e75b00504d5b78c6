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
    receiver: str | None = None  # of a pin: only this receiver's mail; none: all mail

    def in_force(self, now: datetime) -> bool:
        """Return whether it has not expired."""
        return self.until is None or now < self.until


def overridden(overrides: tuple[Override, ...], at: datetime, detail: Mapping[str, str]) -> tuple[Override, ...]:
    """Return the overrides after one more was given or taken back; expired ones are dropped.

    A new pause or pin replaces the old one, the pin of one receiver's mail only its own; a drain replaces that
    provider's drain.
    """
    verb, provider = detail.get("verb", ""), detail.get("provider") or None
    ends, receiver = _ENDS.get(verb, verb), detail.get("receiver") or None

    def ended(o: Override) -> bool:
        if ends == "drain":
            return provider in (None, o.provider)
        return receiver in (None, o.receiver)

    kept = tuple(o for o in overrides if o.in_force(at) and not (o.verb == ends and ended(o)))
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
            receiver=receiver if verb == "pin" else None,
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


def drained(overrides: tuple[Override, ...], now: datetime) -> frozenset[str]:
    """Return the providers that a person has taken out of use."""
    return frozenset(o.provider for o in overrides if o.verb == "drain" and o.provider and o.in_force(now))


def left_over(
    overrides: tuple[Override, ...], providers: tuple[str, ...], drain: str, now: datetime
) -> tuple[str, ...]:
    """Return the providers that would still be in use after one more was drained."""
    out = drained(overrides, now) | {drain}
    return tuple(name for name in providers if name not in out)
