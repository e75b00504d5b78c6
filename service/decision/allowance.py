"""How many confirmation rounds of messages the suspicions against one provider may still cost. Pure.

Each such round is a message to every seed through every provider. What suspicion may cost beyond the schedule
is a bucket of tokens, one a round, refilled four times an hour, faster where rounds are more frequent than that.
"""

from dataclasses import dataclass
from datetime import datetime

from service.decision.policy import Policy

ROUNDS_AT_ONCE = 4  # two suspicions of two rounds each
_LONGEST_REFILL_SECONDS = 3600.0  # of an empty bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What was left when a round was last spent."""

    left: float
    at: datetime


def rounds_left(allowance: Allowance | None, policy: Policy, now: datetime) -> int:
    """Return how many confirmation rounds may be asked for now."""
    return int(_left(allowance, policy, now))


def spent(allowance: Allowance | None, policy: Policy, at: datetime) -> Allowance:
    """Return the allowance after one more confirmation round."""
    return Allowance(left=max(0.0, _left(allowance, policy, at) - 1.0), at=at)


def _left(allowance: Allowance | None, policy: Policy, now: datetime) -> float:
    if allowance is None:
        return float(ROUNDS_AT_ONCE)
    refill_seconds = min(_LONGEST_REFILL_SECONDS, policy.round_interval_seconds)
    since_seconds = max(0.0, (now - allowance.at).total_seconds())
    return min(float(ROUNDS_AT_ONCE), allowance.left + ROUNDS_AT_ONCE * since_seconds / refill_seconds)
