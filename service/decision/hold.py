"""Hold-down: how long moves between working providers rest after the last one, with a decaying penalty. Pure."""

from datetime import datetime, timedelta

from service.decision.moves import automatic
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER
from service.decision.state import Context

MOST_PENALTY = 8.0  # the hold-down grows to at most this many times its length
_PENALTY_HALF_LIFE = 4.0  # in hold-downs


def held_until(
    context: Context, policy: Policy, receiver: str = ANY_RECEIVER, back_to: str | None = None
) -> datetime | None:
    """Return until when automatic moves of a lane between working providers rest; none when nothing holds them.

    The hold-down counts from the lane's last automatic move and grows with the moves before it, each weighing
    half as much after four hold-downs. With `back_to` only what that provider lost lengthens it, moves away from
    it and canary shares taken from it: each makes its return later. An acknowledgement lifts it.
    """
    acked_at = context.acked_at
    counted = [
        (m.at, m.left)
        for m in automatic(context.moves)
        if m.receiver == receiver and (acked_at is None or m.at > acked_at)
    ]
    if back_to is not None:
        lost = [(s.at, s.provider) for s in context.setbacks if s.receiver == receiver and s.provider == back_to]
        counted = sorted((*counted, *(one for one in lost if acked_at is None or one[0] > acked_at)))
    if not counted or policy.hold_down_seconds <= 0:
        return None
    last = counted[-1][0]
    half_life = policy.hold_down_seconds * _PENALTY_HALF_LIFE
    penalty = sum(
        0.5 ** ((last - at).total_seconds() / half_life) for at, left in counted if back_to is None or left == back_to
    )
    return last + timedelta(seconds=policy.hold_down_seconds * min(MOST_PENALTY, max(1.0, penalty)))
