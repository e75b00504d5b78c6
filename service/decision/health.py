"""Health of each provider at each receiver: how it stands, with counts and the sentence with the evidence. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from probes.observation import Observation, Signal
from service.decision.calibration import calibrate
from service.decision.evidence import Track
from service.decision.fault import Fault, leans
from service.decision.policy import Policy
from service.decision.reason import (
    hard_fault_reason,
    healthy_reason,
    recovery_left,
    recovery_progress,
    streak_reason,
    tested_reason,
    utc,
)
from service.decision.route import ANY_RECEIVER
from service.decision.severity import Severity
from service.decision.standing import (
    Ground,
    Standing,
    Status,
    last_good_at,
    standing_of,
    status_of,
    without_expired,
)
from service.decision.state import ProviderState, State
from service.decision.tally import bucket_of, read

__all__ = ["Health", "SignalHealth", "Status", "health", "health_of", "overall", "status_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalHealth:
    """One signal over the evidence lifetime."""

    signal: Signal
    bad: int
    total: int
    alarmed: bool = False
    score_ratio: float = 0.0  # of the test nearest its threshold; 1 is an alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is held of one provider at one receiver ("*": all)."""

    provider: str
    receiver: str
    status: Status
    reason: str
    severity: Severity = Severity.NONE  # of the worst confirmed fault, kept until it has recovered
    pressing: Severity = Severity.NONE  # a reason to move: without faults half way back, and what touches little mail
    since: datetime | None = None
    hard: bool = False
    account_fault: bool = False  # it refuses our account now
    needs_ack: bool = False  # it did, and no person has acknowledged it
    good_run: int = 0  # good results towards recovery, of what has farthest to go
    good_needed: int = 0  # for recovery; about, as a bad one takes some of a test's away
    recovers_by: str = ""  # what would end that, as the beginning of a sentence
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


def health_of(name: str, receiver: str, state: State, policy: Policy, now: datetime) -> Health:
    """Return the health of one provider at one receiver, or over all ("*")."""
    standing = standing_of(name, receiver, state, policy, now)
    provider = state.providers.get(name)
    chief = standing.chief
    if provider is None:
        return Health(
            provider=name,
            receiver=receiver,
            status=standing.status,
            reason=f"Nothing is known of {name} yet.",
            signals={},
        )
    provider, signals = without_expired(provider, policy, now), _signals(provider, receiver, policy, now)
    if chief is None:
        reason, since, evidence = _without_fault(standing, provider, signals, state)
    else:
        since, evidence = chief.since, _evidence(chief)
        reason = _with_fault(standing, chief, provider, policy)
    return Health(
        provider=name,
        receiver=receiver,
        status=standing.status,
        severity=standing.severity,
        pressing=standing.pressing,
        since=since,
        hard=standing.hard,
        account_fault=standing.account_fault,
        needs_ack=standing.needs_ack,
        good_run=standing.good_run,
        good_needed=standing.slowest.good_needed if standing.slowest is not None else 0,
        recovers_by=recovery_left(standing.slowest) if standing.slowest is not None else "",
        signals=signals,
        evidence=evidence,
        reason=reason,
    )


def _evidence(fault: Fault) -> tuple[Observation, ...]:
    if fault.refusal is not None:
        return fault.refusal.first, fault.refusal.last
    return fault.track.cites if fault.track is not None else ()


def _with_fault(standing: Standing, chief: Fault, provider: ProviderState, policy: Policy) -> str:
    """Return the sentence of what is wrong, how far it has recovered, and why it may not matter."""
    reason = _fault_reason(standing, chief, provider, policy).removesuffix(".")
    if standing.good_run and standing.slowest is not None:
        reason += f"; recovering, {recovery_progress(standing.slowest)}"
    if standing.receiver == ANY_RECEIVER and standing.weighing is Severity.NONE:
        if chief.receivers <= standing.confined and standing.confined:
            reason += f"; mail to {', '.join(sorted(chief.receivers))} can go a way of its own"
        elif not standing.confined:
            part = f"{standing.weight_ratio:.1%}".replace(".0%", "%")
            reason += f"; that touches {part} of the mail, too little to move all of it"
    return f"{reason}."


def _fault_reason(standing: Standing, fault: Fault, provider: ProviderState, policy: Policy) -> str:
    if fault.refusal is not None:
        return hard_fault_reason(standing.provider, fault.refusal)
    assert fault.signal is not None  # noqa: S101 - a fault is a refusal or a test's
    assert fault.track is not None  # noqa: S101
    where, track = fault.where, fault.track
    at = standing.receiver
    if at == ANY_RECEIVER and len(fault.receivers) == 1:
        (at,) = fault.receivers
    own = provider.tracks.get((at, fault.signal))
    if at != where and own is not None and own.since is not None and leans(own):
        where, track = at, own
    return tested_reason(standing.provider, where, fault.signal, track, paired=len(policy.providers) > 1)


def _without_fault(
    standing: Standing, provider: ProviderState, signals: Mapping[Signal, SignalHealth], state: State
) -> tuple[str, datetime | None, tuple[Observation, ...]]:
    name, receiver, ground = standing.provider, standing.receiver, standing.ground
    trouble, where = provider.trouble, "" if receiver == ANY_RECEIVER else f" at {receiver}"
    if ground is Ground.STREAK and trouble.streak is not None:
        cites = (trouble.streak.first, trouble.streak.last)
        return streak_reason(name, trouble.streak), trouble.streak.first.at, cites
    if ground is Ground.DOUBT and (doubt := trouble.doubt) is not None:
        suspects = ", ".join(doubt.receivers)
        sentence = (
            f"{name} is suspected since {utc(doubt.since)}: probes to {suspects} fared worse than other providers'."
        )
        return sentence, doubt.since, _doubt_cites(provider, doubt.receivers)
    if ground is Ground.VOID and (void_at := state.context.void_at) is not None:
        return f"Nothing is known of {name} since {utc(void_at)}, when measuring began anew.", None, ()
    if ground is Ground.EXPIRED and (good_at := last_good_at(provider, receiver)) is not None:
        return f"The evidence for {name}{where} is out of date: the latest is of {utc(good_at)}.", None, ()
    if ground is Ground.NOTHING:
        return f"Nothing good is known of {name}{where} yet.", None, ()
    return healthy_reason(name, receiver, [(s.signal, s.bad, s.total) for s in signals.values()]), None, ()


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
    if bank is None or len(track.scores) != len(bank.levels[0]):
        return 0.0  # not tested, or by another bank: its scores say nothing beside this one's thresholds
    return max(s / d.threshold for s, d in zip(track.scores, bank.levels[track.level], strict=True))


def _doubt_cites(provider: ProviderState, receivers: tuple[str, ...]) -> tuple[Observation, ...]:
    cites = [o for (where, _), track in provider.tracks.items() if where in receivers for o in track.cites]
    return tuple(sorted(cites, key=lambda o: o.at)[-3:])
