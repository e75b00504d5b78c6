"""Hard faults: failures in a row, confirmed by asking again, and the way back from them. Pure."""

from dataclasses import dataclass
from datetime import datetime

from probes.observation import Observation, Signal, Source
from service.decision.attribution import Blame, Proof, blame, proof_needed
from service.decision.policy import Policy

BEYOND_RCPT = frozenset({"data", "end-of-data"})
_ORDER = (Proof.NONE, Proof.PATH, Proof.SIBLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """Failures in a row of one provider to take mail, not yet confirmed as a fault."""

    count: int
    first: Observation
    last: Observation
    account: bool  # all of them refused our account
    message: bool  # the latest came after RCPT: only a message can confirm it
    proof: Proof  # the least demanding among them

    def needs(self, further: int, policy: Policy) -> int:
        """Return how many further failures confirm it, where bursts call for `further`.

        One for an account fault unless there are such bursts. Messages are dear, and one round is many of them, so what
        only messages can confirm takes as many as configured.
        """
        if self.message:
            return 1 if self.account else policy.confirmations
        return 1 + further - policy.confirmations if self.account else further

    def confirmed(self, further: int, policy: Policy) -> bool:
        """Return whether there are failures enough, or they have gone on for longer than the tolerated outage."""
        lasted_seconds = (self.last.at - self.first.at).total_seconds()
        if lasted_seconds >= policy.tolerated_outage_seconds:
            further = policy.confirmations
        return self.count > self.needs(further, policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class HardFault:
    """A confirmed fault: the provider takes no mail."""

    since: datetime  # first failure
    at: datetime  # confirmed
    count: int  # failures in a row
    first: Observation
    last: Observation
    account: bool
    message: bool
    good_run: int = 0
    good_at: datetime | None = None  # last good result counted for the way back
    good_round: str | None = None

    @property
    def seen_at(self) -> datetime:
        """Return when something was last learnt of it."""
        return self.last.at if self.good_at is None else max(self.last.at, self.good_at)


def failed(streak: Streak | None, observation: Observation, policy: Policy) -> Streak:
    """Return the streak with one more failure.

    A failure of the same round as the last, or too soon after it, is the same failure. A failed live delivery
    opens a streak but never lengthens one: its cause may be a message, and its log line may be late. Nor does it
    say whether our account is refused: the reply filter has made that reply a temporary one.
    """
    account = blame(observation) is Blame.ACCOUNT
    message = observation.stage in BEYOND_RCPT
    if streak is None:
        return Streak(
            count=1,
            first=observation,
            last=observation,
            account=account,
            message=message,
            proof=proof_needed(observation),
        )
    spacing = (observation.at - streak.last.at).total_seconds()
    same_round = observation.round is not None and observation.round == streak.last.round
    if observation.source is Source.LOG or same_round or spacing < policy.confirmation_spacing_seconds:
        return streak
    return Streak(
        count=streak.count + 1,
        first=streak.first,
        last=observation,
        account=account and (streak.account or streak.last.source is Source.LOG),
        message=message,
        proof=min(streak.proof, proof_needed(observation), key=_ORDER.index),
    )


def hard_fault(streak: Streak) -> HardFault:
    """Return the fault that this streak confirms."""
    return HardFault(
        since=streak.first.at,
        at=streak.last.at,
        count=streak.count,
        first=streak.first,
        last=streak.last,
        account=streak.account,
        message=streak.message,
    )


def still_failing(fault: HardFault, observation: Observation) -> HardFault:
    """Return the fault after one more failure: the way back begins anew."""
    if observation.source is Source.LOG:
        return fault
    return HardFault(
        since=fault.since,
        at=fault.at,
        count=fault.count + 1 if not fault.good_run else fault.count,
        first=fault.first,
        last=observation,
        account=fault.account or blame(observation) is Blame.ACCOUNT,
        message=fault.message,
    )


def succeeded(fault: HardFault, observation: Observation, policy: Policy) -> HardFault | None:
    """Return the fault after one more success; none when successes enough in a row have ended it.

    A fault seen after RCPT is only disproved by messages that are taken.
    """
    if fault.message and observation.signal is not Signal.ACCEPTANCE:
        return fault
    if fault.good_at is not None:
        spacing = (observation.at - fault.good_at).total_seconds()
        same_round = observation.round is not None and observation.round == fault.good_round
        if same_round or spacing < policy.confirmation_spacing_seconds:
            return fault
    if fault.good_run + 1 >= policy.failback_rounds:
        return None
    return HardFault(
        since=fault.since,
        at=fault.at,
        count=fault.count,
        first=fault.first,
        last=fault.last,
        account=fault.account,
        message=fault.message,
        good_run=fault.good_run + 1,
        good_at=observation.at,
        good_round=observation.round,
    )
