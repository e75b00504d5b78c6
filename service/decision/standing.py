"""How one provider stands at one receiver or over all mail: what decisions go by, without counts or sentences. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum, auto

from service.decision.fault import Fault, expired, faults_of
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER
from service.decision.severity import Severity, worst
from service.decision.state import ProviderState, State
from service.decision.trouble import unexpired
from service.decision.volume import mix


class Status(StrEnum):
    """Health in one word. Unknown is not degraded."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    SUSPECT = "suspect"
    DEGRADED = "degraded"
    RECOVERING = "recovering"


class Ground(Enum):
    """What a status rests on where no fault is confirmed."""

    STREAK = auto()
    DOUBT = auto()
    NOTHING = auto()
    VOID = auto()
    EXPIRED = auto()
    GOOD = auto()


_STATUSES = {
    Ground.STREAK: Status.SUSPECT,
    Ground.DOUBT: Status.SUSPECT,
    Ground.NOTHING: Status.UNKNOWN,
    Ground.VOID: Status.UNKNOWN,
    Ground.EXPIRED: Status.UNKNOWN,
    Ground.GOOD: Status.HEALTHY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a provider stands.

    `severity` is the worst that is wrong with it anywhere. `weighing` leaves out what touches too little of the mail
    to move all of it, and what is confined to receivers whose mail can go its own way: by that the provider is
    weighed against others. `pressing` leaves out faults half way back too: that is a reason to leave it.
    """

    provider: str
    receiver: str
    status: Status
    severity: Severity = Severity.NONE
    weighing: Severity = Severity.NONE
    pressing: Severity = Severity.NONE
    ground: Ground | None = None  # where no fault is confirmed
    chief: Fault | None = None  # the worst of those that weigh, else of all
    confined: frozenset[str] = frozenset()  # receivers that are to be left alone, the rest of the mail staying
    weight_ratio: float = 1.0  # part of the mail that the chief fault touches
    hard: bool = False
    account_fault: bool = False  # it refuses our account now
    needs_ack: bool = False  # it did, and no person has acknowledged it
    slowest: Fault | None = None  # of several, the one that has farthest to go until it has recovered
    good_run: int = 0  # of the slowest; all are on their way back if it is above zero


def standings(state: State, policy: Policy, now: datetime, receiver: str = ANY_RECEIVER) -> Mapping[str, Standing]:
    """Return how every provider of the policy stands."""
    return {name: standing_of(name, receiver, state, policy, now) for name in policy.providers}


def standing_of(name: str, receiver: str, state: State, policy: Policy, now: datetime) -> Standing:
    """Return how one provider stands at one receiver, or over all mail ("*")."""
    provider = state.providers.get(name)
    if provider is None:
        return Standing(provider=name, receiver=receiver, status=Status.UNKNOWN, ground=Ground.NOTHING)
    provider = without_expired(provider, policy, now)
    needs_ack = provider.trouble.account is not None
    faults = faults_of(provider, receiver, policy, now)
    if not faults:
        ground = ground_of(provider, receiver, state, policy, now)
        return Standing(provider=name, receiver=receiver, status=_STATUSES[ground], ground=ground, needs_ack=needs_ack)
    limited = [fault for fault in faults if fault.receivers] if receiver == ANY_RECEIVER else []
    parts = mix(state, policy, now) if limited else {}
    apart = _apart(limited, policy)
    weighing = [f for f in faults if f not in limited or not _negligible(f, parts, apart, policy)]
    chief = max(weighing or faults, key=_gravity)
    slowest, on_the_way = max(faults, key=_left), all(f.good_run for f in faults)
    refusal = provider.trouble.fault
    return Standing(
        provider=name,
        receiver=receiver,
        status=Status.RECOVERING if on_the_way else Status.DEGRADED,
        severity=worst(f.severity for f in faults),
        weighing=worst(f.severity for f in weighing),
        pressing=_pressing(weighing),
        chief=chief,
        confined=frozenset(r for r in apart if _pressing(f for f in limited if r in f.receivers) is not Severity.NONE),
        weight_ratio=weight(chief, parts) if chief in limited else 1.0,
        hard=chief.hard,
        account_fault=refusal is not None and refusal.account,
        needs_ack=needs_ack,
        slowest=slowest,
        good_run=slowest.good_run if on_the_way else 0,
    )


def status_of(name: str, receiver: str, state: State, policy: Policy, now: datetime) -> Status:
    """Return the status alone."""
    provider = state.providers.get(name)
    if provider is None:
        return Status.UNKNOWN
    provider = without_expired(provider, policy, now)
    runs = [fault.good_run for fault in faults_of(provider, receiver, policy, now)]
    if runs:
        return Status.RECOVERING if min(runs) else Status.DEGRADED
    return _STATUSES[ground_of(provider, receiver, state, policy, now)]


def without_expired(provider: ProviderState, policy: Policy, now: datetime) -> ProviderState:
    """Return the provider without suspicions and refusals that rest on expired evidence."""
    trouble = unexpired(provider.trouble, now, policy.evidence_lifetime_seconds)
    return provider if trouble is provider.trouble else replace(provider, trouble=trouble)


def weight(fault: Fault, parts: Mapping[str, float]) -> float:
    """Return the part of the mail that a fault touches."""
    return sum(parts.get(receiver, 0.0) for receiver in fault.receivers) if fault.receivers else 1.0


def _gravity(fault: Fault) -> tuple[int, bool, bool, int, bool]:
    """Return by what the chief of several faults is chosen; of two that touch the same mail, the more exact."""
    return fault.severity.rank, fault.hard, not fault.receivers, len(fault.receivers), fault.where != ANY_RECEIVER


def _left(fault: Fault) -> int:
    return fault.good_needed - fault.good_run


def _pressing(faults: Iterable[Fault]) -> Severity:
    return worst(f.severity for f in faults if 2 * f.good_run < f.good_needed)


def _apart(limited: list[Fault], policy: Policy) -> frozenset[str]:
    """Return the receivers that are better left alone than with all mail: few of them, each with a way of its own."""
    touched = frozenset(r for fault in limited for r in fault.receivers)
    few = len(touched) == 1 < len(policy.receivers) or 2 * len(touched) < len(policy.receivers)
    return touched if few and touched <= frozenset(policy.lane_receivers) else frozenset()


def _negligible(fault: Fault, parts: Mapping[str, float], apart: frozenset[str], policy: Policy) -> bool:
    return fault.receivers <= apart or weight(fault, parts) < policy.least_affected_ratio


def ground_of(provider: ProviderState, receiver: str, state: State, policy: Policy, now: datetime) -> Ground:
    """Return what the status of a provider without a confirmed fault rests on."""
    trouble, void_at = provider.trouble, state.context.void_at
    if trouble.streak is not None:
        return Ground.STREAK
    if trouble.doubt is not None and receiver in (ANY_RECEIVER, *trouble.doubt.receivers):
        return Ground.DOUBT
    good_at = last_good_at(provider, receiver)
    if good_at is None:
        return Ground.NOTHING
    if receiver == ANY_RECEIVER and void_at is not None and good_at < void_at:
        return Ground.VOID
    return Ground.EXPIRED if expired(good_at, policy, now) else Ground.GOOD


def last_good_at(provider: ProviderState, receiver: str) -> datetime | None:
    """Return when something good was last seen of this provider at this receiver, or anywhere ("*")."""
    if receiver == ANY_RECEIVER:
        return provider.good_at
    times = [t.last_good_at for (where, _), t in provider.tracks.items() if where == receiver and t.last_good_at]
    return max(times, default=None)
