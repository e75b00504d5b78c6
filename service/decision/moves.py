"""Moves made, and what a returning provider lost again: what hold-down and brake count. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.decision.route import ANY_RECEIVER

STANDBY_ORDER = "standby-order"  # rule of a reordering behind the active provider: no move
SHARES = "shares"  # rules of changed shares: no moves either
CANARY = "canary"
CANARY_WITHDRAWN = "canary-withdrawn"
SHARE_WITHDRAWN = "share-withdrawn"
WITHDRAWN = (CANARY_WITHDRAWN, SHARE_WITHDRAWN)
NO_MOVES = frozenset({STANDBY_ORDER, SHARES, CANARY, *WITHDRAWN})
_KEEP = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One applied change of the active provider."""

    at: datetime
    trigger: str  # "automatic", "manual", "failback"
    left: str  # the provider that was active before
    active: str
    rule: str
    reason: str
    receiver: str = ANY_RECEIVER  # whose mail was moved; "*": all that goes no way of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """A provider lost its share of a lane by a fault: it has to earn another."""

    at: datetime
    provider: str
    receiver: str


def with_move(moves: tuple[Move, ...], move: Move) -> tuple[Move, ...]:
    """Return the moves of the last day, this one included."""
    return (*(m for m in moves if move.at - m.at < _KEEP), move)


def with_setback(setbacks: tuple[Setback, ...], setback: Setback) -> tuple[Setback, ...]:
    """Return the setbacks of the last day, this one included."""
    return (*(s for s in setbacks if setback.at - s.at < _KEEP), setback)


def automatic(moves: tuple[Move, ...]) -> tuple[Move, ...]:
    """Return the moves that were not made by hand: planned moves arm nothing."""
    return tuple(m for m in moves if m.trigger != "manual")


def moves_in_last_hour(moves: tuple[Move, ...], now: datetime) -> int:
    """Return how many automatic moves the hour before `now` saw."""
    return sum(1 for m in automatic(moves) if now - m.at < timedelta(hours=1))
