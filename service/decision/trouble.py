"""What is wrong, or may be, with one provider: suspicions, confirmed faults, and what still needs a person. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from probes.observation import Observation
from service.decision.streak import HardFault, Streak


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Suspicion that only message rounds can settle: placement, arrival, latency at some receivers."""

    since: datetime
    at: datetime  # latest round that bore on it
    receivers: tuple[str, ...]
    rounds_left: int  # budget of confirmation rounds
    last_round: str  # latest confirmation round counted, or empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A confirmed account fault that no person has acknowledged yet."""

    at: datetime
    cite: Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """Live failures after RCPT were suspected, and messages cleared them: for a while they are not suspected again."""

    until: datetime
    seconds: float  # how long it lasts; twice as long each time


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong, or may be, with one provider; all empty while it is well."""

    streak: Streak | None = None
    fault: HardFault | None = None
    account: Account | None = None
    doubt: Doubt | None = None
    pending: tuple[Observation, ...] = ()  # scheduled failures not yet laid at anyone's door
    asked: int = 0  # confirmations of the present streak
    asked_round: str | None = None  # the latest of them
    calm_until: datetime | None = None  # live failures open no new streak before: a check has just passed
    calm: Calm | None = None  # the same for those that only messages can confirm


NO_TROUBLE = Trouble()


def calmer(calm: Calm | None, at: datetime, first_seconds: float, longest_seconds: float) -> Calm:
    """Return the calm that begins at this time, after the present one has not sufficed."""
    seconds = first_seconds if calm is None else max(first_seconds, min(2 * calm.seconds, longest_seconds))
    return Calm(until=at + timedelta(seconds=seconds), seconds=seconds)


def unforgotten(calm: Calm | None, at: datetime) -> Calm | None:
    """Return the calm, or none when nothing was suspected for as long again after its end."""
    return None if calm is None or at - calm.until >= timedelta(seconds=calm.seconds) else calm


def unexpired(trouble: Trouble, at: datetime, lifetime_seconds: float) -> Trouble:
    """Return the trouble without what rests on expired evidence; an account fault waits for a person all the same."""
    if trouble is NO_TROUBLE:
        return trouble

    def stale(latest: datetime) -> bool:
        return (at - latest).total_seconds() > lifetime_seconds

    streak, fault, doubt, pending = trouble.streak, trouble.fault, trouble.doubt, trouble.pending
    streak = None if streak is not None and stale(streak.last.at) else streak
    fault = None if fault is not None and stale(fault.seen_at) else fault
    doubt = None if doubt is not None and stale(doubt.at) else doubt
    pending = () if pending and stale(pending[-1].at) else pending
    if (streak, fault, doubt, pending) == (trouble.streak, trouble.fault, trouble.doubt, trouble.pending):
        return trouble
    return replace(trouble, streak=streak, fault=fault, doubt=doubt, pending=pending)
