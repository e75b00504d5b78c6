"""Bursts: failures in a row that came to nothing: how often they come, and how many it takes to move mail. Pure.

Failures of one provider come in bursts, so a second failure soon after the first says less than a first one. Each
suspicion that ends with a success, or confirmed fault that was over within the tolerated outage, is put on record:
how many failures came after its first. From that follow how often suspicions come (their rate a year) and how often one
goes on after each failure. What is needed is the least number of further failures that keeps
rate x going_on ** number within the confirmations' part of `false_moves_per_year`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import ceil, exp, log, sqrt

from service.decision.policy import Policy

CONFIRMATIONS_SHARE = 0.25  # of the false moves; the sequential tests have the rest
SOON = 5  # further failures, two seconds apart, are told within 15 seconds
YEAR_SECONDS = 365.25 * 86400
_MEMORY_SECONDS = 45 * 86400.0  # what is this old weighs 1/e
# Assumed beside the record: ten suspicions a week, and that one check again in fifty fails. The latter gives way after
# few suspicions: the first burst of three is to be the only one that moves mail.
_PRIOR_SECONDS, _PRIOR_SUSPICIONS = 7 * 86400.0, 10.0
_PRIOR_ENDED, _PRIOR_FURTHER = 3.0, 0.06
_Z = 1.0  # one-sided 84 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Bursts:
    """What is on record of one provider's suspicions that came to nothing; what is old weighs less."""

    at: datetime  # of the latest
    seconds: float = 0.0  # on record
    ended: float = 0.0  # suspicions
    further: float = 0.0  # failures after the first in them


def with_burst(bursts: Bursts | None, at: datetime, further: int) -> Bursts:
    """Return the record with one more suspicion that came to nothing after this many further failures."""
    if bursts is None:
        return Bursts(at=at, ended=1.0, further=float(further))
    seconds, kept = _until(bursts, at)
    return Bursts(at=at, seconds=seconds, ended=bursts.ended * kept + 1, further=bursts.further * kept + further)


def suspicions_per_year(bursts: Bursts | None, at: datetime) -> float:
    """Return how many suspicions a year are to be expected."""
    if bursts is None:
        return _PRIOR_SUSPICIONS / _PRIOR_SECONDS * YEAR_SECONDS
    seconds, kept = _until(bursts, at)
    return (_PRIOR_SUSPICIONS + bursts.ended * kept) / (_PRIOR_SECONDS + seconds) * YEAR_SECONDS


def going_on(*known: Bursts | None) -> float:
    """Return how likely one more failure is after a failure that is not the beginning of a fault: an upper bound."""
    records = [bursts for bursts in known if bursts is not None]
    further = _PRIOR_FURTHER + sum(bursts.further for bursts in records)
    tried = _PRIOR_ENDED + further + sum(bursts.ended for bursts in records)
    ratio = further / tried
    return ratio + _Z * sqrt(ratio * (1 - ratio) / tried) if records else ratio


def needed(bursts: Bursts | None, others: Iterable[Bursts | None], policy: Policy, at: datetime) -> int:
    """Return how many further failures confirm a hard fault of one provider: as configured, or more by the record.

    What is on record of the others counts as well, as bursts often come from what all of them share, but only up to
    what is done within 15 seconds. At most as many as fit into the tolerated outage: what fails for longer is a
    fault whatever is on record.
    """
    least = _least(policy, suspicions_per_year(bursts, at), going_on(bursts))
    shared = _least(policy, suspicions_per_year(bursts, at), going_on(bursts, *others))
    most = int(policy.tolerated_outage_seconds / max(policy.confirmation_spacing_seconds, 0.1))
    return max(policy.confirmations, min(max(least, min(shared, SOON)), most))


def _least(policy: Policy, a_year: float, ratio: float) -> int:
    allowed = CONFIRMATIONS_SHARE * policy.false_moves_per_year
    return ceil(log(max(1.0, a_year / allowed)) / -log(min(ratio, 0.99)))


def _until(bursts: Bursts, at: datetime) -> tuple[float, float]:
    """Return the seconds on record by then, and what is left of the counts."""
    passed = max(0.0, (at - bursts.at).total_seconds())
    kept = exp(-passed / _MEMORY_SECONDS)
    return bursts.seconds * kept + _MEMORY_SECONDS * (1 - kept), kept
