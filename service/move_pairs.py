"""Sets the moves of two records side by side: which of them are the same, which differ in time, which lack. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.decision.route import Share
from service.replay import RouteChange

PAIR_SECONDS = 6 * 3600.0  # moves between the same providers further apart are not held to be one


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePair:
    """One move as both records have it, or as one has it and the other has not."""

    left: RouteChange | None
    right: RouteChange | None

    @property
    def at(self) -> datetime:
        """Return the time of the earlier one."""
        return min(change.at for change in (self.left, self.right) if change is not None)

    @property
    def later_seconds(self) -> float | None:
        """Return by how much the right one is later; negative when it is earlier, none when one lacks."""
        if self.left is None or self.right is None:
            return None
        return (self.right.at - self.left.at).total_seconds()

    def differs(self, tolerance_seconds: float) -> bool:
        """Return whether one lacks, or they are further apart than this."""
        later = self.later_seconds
        return later is None or abs(later) > tolerance_seconds


def paired(left: Sequence[RouteChange], right: Sequence[RouteChange]) -> tuple[MovePair, ...]:
    """Return moves and changes of shares of both, in order of time; new orders behind the active one are left out.

    Two are one when they lead the same mail from the same provider to the same, with the same shares: each takes the
    nearest in time that is still alone, in order.
    """
    free = [change for change in right if change.moves or change.shares]
    pairs: list[MovePair] = []
    for change in left:
        if not (change.moves or change.shares):
            continue
        alike = [o for o in free if _way(o) == _way(change) and _apart(o, change) <= PAIR_SECONDS]
        other = min(alike, key=lambda o: _apart(o, change), default=None)
        if other is not None:
            free.remove(other)
        pairs.append(MovePair(left=change, right=other))
    pairs += [MovePair(left=None, right=change) for change in free]
    return tuple(sorted(pairs, key=lambda pair: pair.at))


def _way(change: RouteChange) -> tuple[str, str, str, tuple[Share, ...]]:
    return change.receiver, change.left, change.active, change.lane.shares if change.shares else ()


def _apart(one: RouteChange, other: RouteChange) -> float:
    return abs((one.at - other.at).total_seconds())
