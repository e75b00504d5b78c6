"""Moves made, and what they do to the next one: hold-down with a decaying penalty, and the brake. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.decision.policy import Policy

STANDBY_ORDER = "standby-order"  # rule of a reordering behind the active provider: no move
MOST_PENALTY = 8.0  # the hold-down grows to at most this many times its length
_PENALTY_HALF_LIFE = 4.0  # in hold-downs
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


def with_move(moves: tuple[Move, ...], move: Move) -> tuple[Move, ...]:
    """Return the moves of the last day, this one included."""
    return (*(m for m in moves if move.at - m.at < _KEEP), move)


def automatic(moves: tuple[Move, ...]) -> tuple[Move, ...]:
    """Return the moves that were not made by hand: planned moves arm nothing."""
    return tuple(m for m in moves if m.trigger != "manual")


def moves_in_last_hour(moves: tuple[Move, ...], now: datetime) -> int:
    """Return how many automatic moves the hour before `now` saw."""
    return sum(1 for m in automatic(moves) if now - m.at < timedelta(hours=1))


def held_until(
    moves: tuple[Move, ...], policy: Policy, acked_at: datetime | None, back_to: str | None = None
) -> datetime | None:
    """Return until when automatic moves between working providers rest; none when nothing holds them.

    The hold-down counts from the last automatic move and grows with the moves before it, each weighing half
    as much after four hold-downs. With `back_to` only moves away from that provider lengthen it: each
    ejection makes its return later. An acknowledgement lifts it.
    """
    counted = [m for m in automatic(moves) if acked_at is None or m.at > acked_at]
    if not counted or policy.hold_down_seconds <= 0:
        return None
    last = counted[-1].at
    half_life = policy.hold_down_seconds * _PENALTY_HALF_LIFE
    penalty = sum(
        0.5 ** ((last - m.at).total_seconds() / half_life) for m in counted if back_to is None or m.left == back_to
    )
    return last + timedelta(seconds=policy.hold_down_seconds * min(MOST_PENALTY, max(1.0, penalty)))
