"""Health of each provider at each receiver: a status, a severity, and the sentence with the evidence. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum, auto

from probes.observation import Observation, Signal
from service.decision.calibration import calibrate
from service.decision.evidence import Track
from service.decision.policy import Policy
from service.decision.reason import hard_fault_reason, healthy_reason, streak_reason, tested_reason, utc
from service.decision.route import ANY_RECEIVER
from service.decision.severity import Severity, severity_of, worst
from service.decision.state import ProviderState, State
from service.decision.tally import bucket_of, read
from service.decision.trouble import unexpired

ALL_MAIL = (Signal.SESSION, Signal.ACCEPTANCE, Signal.LIVE)  # what goes wrong here concerns every receiver


class Status(StrEnum):
    """Health in one word. Unknown is not degraded."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    SUSPECT = "suspect"
    DEGRADED = "degraded"
    RECOVERING = "recovering"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalHealth:
    """One signal over the evidence lifetime."""

    signal: Signal
    bad: int
    total: int
    alarmed: bool = False
    score_ratio: float = 0.0  # of the test nearest its threshold; 1 is an alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, confirmed."""

    severity: Severity
    since: datetime  # first bad result
    good_run: int  # good results in a row since
    hard: bool  # no mail gets through: hold-down does not apply
    reason: str
    evidence: tuple[Observation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is held of one provider at one receiver ("*": all)."""

    provider: str
    receiver: str
    status: Status
    reason: str
    severity: Severity = Severity.NONE  # of the worst confirmed fault, kept until it has recovered
    pressing: Severity = Severity.NONE  # the same without faults that are half way back: a reason to move
    since: datetime | None = None
    hard: bool = False
    account_fault: bool = False  # it refuses our account now
    needs_ack: bool = False  # it did, and no person has acknowledged it
    good_run: int = 0  # good results in a row towards recovery
    signals: Mapping[Signal, SignalHealth]
    evidence: tuple[Observation, ...] = ()


def health(state: State, policy: Policy, now: datetime) -> Mapping[tuple[str, str], Health]:
    """Return the health of every provider of the policy, for each receiver and for all ("*")."""
    return {
        (name, receiver): health_of(name, receiver, state, policy, now)
        for name in policy.providers
        for receiver in (ANY_RECEIVER, *policy.receivers)
    }


def overall(state: State, policy: Policy, now: datetime) -> Mapping[str, Health]:
    """Return the health of every provider over all receivers."""
    return {name: health_of(name, ANY_RECEIVER, state, policy, now) for name in policy.providers}


def status_of(name: str, receiver: str, state: State, policy: Policy, now: datetime) -> Status:
    """Return the status alone of what `health_of` returns, without counting and without sentences."""
    provider = state.providers.get(name)
    if provider is None:
        return Status.UNKNOWN
    trouble = unexpired(provider.trouble, now, policy.evidence_lifetime_seconds)
    if trouble is not provider.trouble:
        provider = replace(provider, trouble=trouble)
    runs = [trouble.fault.good_run] if trouble.fault is not None else []
    runs += [track.good_run for _, track in _alarms(provider, receiver, policy, now)]
    if runs:
        return Status.RECOVERING if min(runs) else Status.DEGRADED
    return _STATUSES[_ground(provider, receiver, state, policy, now)]


def health_of(name: str, receiver: str, state: State, policy: Policy, now: datetime) -> Health:
    """Return the health of one provider at one receiver, or over all ("*")."""
    provider = state.providers.get(name)
    if provider is None:
        return Health(
            provider=name,
            receiver=receiver,
            status=Status.UNKNOWN,
            reason=f"Nothing is known of {name} yet.",
            signals={},
        )
    trouble = unexpired(provider.trouble, now, policy.evidence_lifetime_seconds)
    if trouble is not provider.trouble:
        provider = replace(provider, trouble=trouble)
    signals = _signals(provider, receiver, policy, now)
    faults = _faults(name, provider, receiver, policy, now)
    fault = trouble.fault
    needs_ack = trouble.account is not None
    account_fault = fault is not None and fault.account
    if faults:
        chief = max(faults, key=lambda f: (f.severity.rank, f.hard))
        run = min(f.good_run for f in faults)
        reason = chief.reason
        if run:
            reason = f"{reason.removesuffix('.')}; recovering, {run} of {policy.failback_rounds} good results in a row."
        return Health(
            provider=name,
            receiver=receiver,
            status=Status.RECOVERING if run else Status.DEGRADED,
            severity=chief.severity,
            pressing=worst(f.severity for f in faults if 2 * f.good_run < policy.failback_rounds),
            since=chief.since,
            hard=chief.hard,
            account_fault=account_fault,
            needs_ack=needs_ack,
            good_run=run,
            signals=signals,
            evidence=chief.evidence,
            reason=reason,
        )
    status, reason, since, evidence = _without_fault(name, provider, receiver, state, policy, now, signals)
    return Health(
        provider=name,
        receiver=receiver,
        status=status,
        since=since,
        needs_ack=needs_ack,
        signals=signals,
        evidence=evidence,
        reason=reason,
    )


def _without_fault(
    name: str,
    provider: ProviderState,
    receiver: str,
    state: State,
    policy: Policy,
    now: datetime,
    signals: Mapping[Signal, SignalHealth],
) -> tuple[Status, str, datetime | None, tuple[Observation, ...]]:
    trouble, where = provider.trouble, "" if receiver == ANY_RECEIVER else f" at {receiver}"
    ground = _ground(provider, receiver, state, policy, now)
    status = _STATUSES[ground]
    if ground is _Ground.STREAK and trouble.streak is not None:
        cites = (trouble.streak.first, trouble.streak.last)
        return status, streak_reason(name, trouble.streak), trouble.streak.first.at, cites
    if ground is _Ground.DOUBT and (doubt := trouble.doubt) is not None:
        suspects = ", ".join(doubt.receivers)
        sentence = (
            f"{name} is suspected since {utc(doubt.since)}: probes to {suspects} fared worse than other providers'."
        )
        return status, sentence, doubt.since, _doubt_cites(provider, doubt.receivers)
    if ground is _Ground.VOID and (void_at := state.context.void_at) is not None:
        return status, f"Nothing is known of {name} since {utc(void_at)}, when measuring began anew.", None, ()
    if ground is _Ground.EXPIRED and (good_at := _good_at(provider, receiver)) is not None:
        sentence = f"The evidence for {name}{where} is out of date: the latest is of {utc(good_at)}."
        return status, sentence, None, ()
    if ground is _Ground.NOTHING:
        return status, f"Nothing good is known of {name}{where} yet.", None, ()
    counts = [(s.signal, s.bad, s.total) for s in signals.values()]
    return status, healthy_reason(name, receiver, counts), None, ()


class _Ground(Enum):
    """What a status rests on where no fault is confirmed."""

    STREAK = auto()
    DOUBT = auto()
    NOTHING = auto()
    VOID = auto()
    EXPIRED = auto()
    GOOD = auto()


_STATUSES = {
    _Ground.STREAK: Status.SUSPECT,
    _Ground.DOUBT: Status.SUSPECT,
    _Ground.NOTHING: Status.UNKNOWN,
    _Ground.VOID: Status.UNKNOWN,
    _Ground.EXPIRED: Status.UNKNOWN,
    _Ground.GOOD: Status.HEALTHY,
}


def _ground(provider: ProviderState, receiver: str, state: State, policy: Policy, now: datetime) -> _Ground:
    trouble, void_at = provider.trouble, state.context.void_at
    if trouble.streak is not None:
        return _Ground.STREAK
    if trouble.doubt is not None and receiver in (ANY_RECEIVER, *trouble.doubt.receivers):
        return _Ground.DOUBT
    good_at = _good_at(provider, receiver)
    if good_at is None:
        return _Ground.NOTHING
    if receiver == ANY_RECEIVER and void_at is not None and good_at < void_at:
        return _Ground.VOID
    return _Ground.EXPIRED if _expired(good_at, policy, now) else _Ground.GOOD


def _faults(name: str, provider: ProviderState, receiver: str, policy: Policy, now: datetime) -> list[Fault]:
    """Return what is confirmed to be wrong and has not expired, worst evidence with each."""
    faults: list[Fault] = []
    hard = provider.trouble.fault
    if hard is not None:
        faults.append(
            Fault(
                severity=Severity.REFUSING,
                since=hard.since,
                good_run=hard.good_run,
                hard=True,
                reason=hard_fault_reason(name, hard),
                evidence=(hard.first, hard.last),
            )
        )
    for (where, signal), track in _alarms(provider, receiver, policy, now):
        severity = severity_of(signal)
        faults.append(
            Fault(
                severity=severity,
                since=track.since or track.alarmed_at or track.last_at,
                good_run=track.good_run,
                hard=severity is Severity.LOSING,
                reason=tested_reason(name, where, signal, track, paired=len(policy.providers) > 1),
                evidence=track.cites,
            )
        )
    return faults


def _alarms(
    provider: ProviderState, receiver: str, policy: Policy, now: datetime
) -> list[tuple[tuple[str, Signal], Track]]:
    """Return the tests whose alarm concerns this receiver and rests on evidence that has not expired."""
    return [
        ((where, signal), track)
        for (where, signal), track in provider.tracks.items()
        if track.alarmed_at is not None
        and (receiver in (ANY_RECEIVER, where) or (where == ANY_RECEIVER and signal in ALL_MAIL))
        and not _expired(track.last_at, policy, now)
    ]


def _signals(provider: ProviderState, receiver: str, policy: Policy, now: datetime) -> Mapping[Signal, SignalHealth]:
    bucket = bucket_of(now, policy.evidence_lifetime_seconds)
    found: dict[Signal, SignalHealth] = {}
    for signal in Signal:
        track = provider.tracks.get((receiver, signal))
        if track is not None:
            bad, total = read(track.tally, bucket)
            found[signal] = SignalHealth(
                signal=signal,
                bad=bad,
                total=total,
                alarmed=track.alarmed_at is not None,
                score_ratio=_score_ratio(track, receiver, signal, policy),
            )
    return found


def _score_ratio(track: Track, receiver: str, signal: Signal, policy: Policy) -> float:
    bank = calibrate(policy).get((receiver, signal))
    if bank is None or not track.scores:
        return 0.0
    return max(s / d.threshold for s, d in zip(track.scores, bank.levels[track.level], strict=True))


def _good_at(provider: ProviderState, receiver: str) -> datetime | None:
    if receiver == ANY_RECEIVER:
        return provider.good_at
    times = [t.last_good_at for (where, _), t in provider.tracks.items() if where == receiver and t.last_good_at]
    return max(times, default=None)


def _doubt_cites(provider: ProviderState, receivers: tuple[str, ...]) -> tuple[Observation, ...]:
    cites = [o for (where, _), track in provider.tracks.items() if where in receivers for o in track.cites]
    return tuple(sorted(cites, key=lambda o: o.at)[-3:])


def _expired(at: datetime, policy: Policy, now: datetime) -> bool:
    return (now - at).total_seconds() > policy.evidence_lifetime_seconds
