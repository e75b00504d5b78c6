"""What is confirmed to be wrong with one provider, and whose mail it touches. Pure."""

from dataclasses import dataclass
from datetime import datetime

from probes.observation import Signal
from service.decision.calibration import calibrate
from service.decision.evidence import Track
from service.decision.policy import Policy
from service.decision.recovery import clusters_needed
from service.decision.route import ANY_RECEIVER
from service.decision.severity import Severity, severity_of
from service.decision.state import ProviderState
from service.decision.streak import HardFault

ALL_MAIL = (Signal.SESSION, Signal.ACCEPTANCE, Signal.LIVE)  # what goes wrong here concerns every receiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, confirmed: mail is refused, or a test has alarmed."""

    severity: Severity
    since: datetime  # first bad result
    good_run: int  # towards recovery: a refusal's good results in a row, a test's count of good clusters
    good_needed: int  # for recovery
    hard: bool  # no mail gets through: hold-down does not apply
    refusal: HardFault | None = None
    where: str = ANY_RECEIVER  # of the test
    signal: Signal | None = None
    track: Track | None = None
    receivers: frozenset[str] = frozenset()  # whose mail is touched; empty: all mail


def faults_of(provider: ProviderState, receiver: str, policy: Policy, now: datetime) -> list[Fault]:
    """Return the faults that concern this receiver's mail, or any ("*"), and rest on evidence that has not expired.

    The trouble of `provider` is to be without expired parts already.
    """
    found: list[Fault] = []
    refusal = provider.trouble.fault
    if refusal is not None:
        found.append(
            Fault(
                severity=Severity.REFUSING,
                since=refusal.since,
                good_run=refusal.good_run,
                good_needed=policy.failback_rounds,
                hard=True,
                refusal=refusal,
            )
        )
    for (where, signal), track in provider.tracks.items():
        if track.alarmed_at is None or expired(track.last_at, policy, now) or severity_of(signal) is Severity.NONE:
            continue
        touched = _touched(provider, where, signal, track, policy)
        if receiver != ANY_RECEIVER and touched and receiver not in touched:
            continue
        severity = severity_of(signal)
        found.append(
            Fault(
                severity=severity,
                since=track.since or track.alarmed_at or track.last_at,
                good_run=int(track.recovery[1]),
                good_needed=_needed(where, signal, track, policy),
                hard=severity is Severity.LOSING,
                where=where,
                signal=signal,
                track=track,
                receivers=touched,
            )
        )
    return found


def _needed(where: str, signal: Signal, track: Track, policy: Policy) -> int:
    bank = calibrate(policy).get((where, signal))
    if bank is None or len(track.scores) != len(bank.levels[0]):
        return policy.failback_rounds  # another bank's alarm; this one takes it over with its next result
    return clusters_needed(bank.levels[track.level][track.depth], policy.failback_rounds)


def _touched(provider: ProviderState, where: str, signal: Signal, track: Track, policy: Policy) -> frozenset[str]:
    """Return the receivers whose mail an alarm concerns; empty for all mail.

    An alarm over all receivers concerns those whose latest bad results it rests on, and those whose own test leans
    the same way.
    """
    if signal in ALL_MAIL:
        return frozenset()
    known = frozenset(policy.receivers)
    if where != ANY_RECEIVER:
        touched = frozenset((where,))
    else:
        touched = frozenset(o.receiver for o in track.cites if o.receiver is not None) | {
            r for r in known if (own := provider.tracks.get((r, signal))) is not None and leans(own)
        }
        touched &= known
    return frozenset() if touched >= known else touched


def leans(track: Track) -> bool:
    """Return whether a test has alarmed or is on its way there."""
    return track.alarmed_at is not None or any(track.scores)


def expired(at: datetime, policy: Policy, now: datetime) -> bool:
    """Return whether evidence of this time is too old to count."""
    return (now - at).total_seconds() > policy.evidence_lifetime_seconds
