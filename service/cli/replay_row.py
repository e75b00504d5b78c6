"""What a replay found, as JSON rows: each with at, provider, receiver, from, to, reason, rule, enforced. Pure."""

from datetime import UTC, datetime
from typing import Any

from service.cli.words import span
from service.decision.route import ANY_RECEIVER
from service.move_pairs import MovePair
from service.replay import Event, HealthTransition, RouteChange

Row = dict[str, Any]


def event_row(event: Event) -> Row:
    """Return the row of one transition ("health"), move ("move"), other shares ("shares") or new order ("order")."""
    return health_row(event) if isinstance(event, HealthTransition) else change_row(event)


def health_row(found: HealthTransition) -> Row:
    """Return the row of one health transition; `from` and `to` are statuses, and nothing is there to be enforced."""
    return {
        "kind": "health",
        "at": stamp(found.at),
        "provider": found.provider,
        "receiver": found.receiver,
        "from": str(found.before),
        "to": str(found.after),
        "reason": found.reason,
        "rule": found.rule,
        "enforced": None,
    }


def change_row(change: RouteChange) -> Row:
    """Return the row of one change of the route; `provider` is the one that carries the mail from then on."""
    return {
        "kind": "move" if change.moves else "shares" if change.shares else "order",
        "at": stamp(change.at),
        "provider": change.active,
        "receiver": change.receiver,
        "from": change.left,
        "to": change.active,
        "reason": change.reason,
        "rule": change.rule,
        "enforced": change.enforced,
        "trigger": change.trigger,
        "route": list(change.lane.providers),
        "shares": {share.provider: share.percent for share in change.lane.shares},
    }


def difference_row(pair: MovePair) -> Row:
    """Return the row of one move in which the replay (right) differs from the record (left)."""
    change = _either(pair)
    return {
        **change_row(change),
        "kind": "differs",
        "at": stamp(pair.at),
        "reason": difference(pair),
        "recorded_at": stamp(pair.left.at) if pair.left else None,
        "replayed_at": stamp(pair.right.at) if pair.right else None,
    }


def pair_row(pair: MovePair, tolerance_seconds: float) -> Row:
    """Return the row of one move of two policies side by side (kind "pair")."""
    change = _either(pair)
    return {
        **change_row(change),
        "kind": "pair",
        "at": stamp(pair.at),
        "differs": pair.differs(tolerance_seconds),
        "later_seconds": pair.later_seconds,
        "this": change_row(pair.left) if pair.left else None,
        "against": change_row(pair.right) if pair.right else None,
    }


def difference(pair: MovePair) -> str:
    """Return in one sentence how the replay differs from the record."""
    change = _either(pair)
    what = f"{change.left} to {change.active}" + ("" if change.receiver == ANY_RECEIVER else f" at {change.receiver}")
    if change.shares:
        what = "Other shares are" if pair.right else "On record are other shares that are not"
        on_record = "" if pair.right is None else " not on record"
        if pair.left is None or pair.right is None:
            where = "" if change.receiver == ANY_RECEIVER else f" for mail to {change.receiver}"
            return f"{what}{on_record or ' made'}{where}: {change.reason}"
    if pair.left is not None and pair.right is not None:
        later = pair.later_seconds or 0.0
        word = "later" if later > 0 else "earlier"
        return f"The move from {what} comes {span(abs(later))} {word} than on record: {pair.right.reason}"
    if pair.right is None:
        return f"On record is a move from {what} that this policy does not make: {change.reason}"
    return f"The move from {what} is not on record: {change.reason}"


def stamp(at: datetime) -> str:
    """Return a time as observation files write it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _either(pair: MovePair) -> RouteChange:
    change = pair.left or pair.right
    assert change is not None  # noqa: S101 - a pair has one side at least
    return change
