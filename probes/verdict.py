"""What became of one probe: the rules that turn looks into observations. Pure.

Status and placement are separate. Times are seconds since the relay accepted the probe, by a clock that
does not jump, except the receiver's stamps, which are believed only inside the interval between the last
look that did not find the probe and the first that did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from probes.folders import FolderRole
from probes.headers import Authentication
from probes.observation import Observation, Outcome, Signal, Source
from probes.send import SentProbe, short_text

_STAMP_TOLERANCE_SECONDS = 2.0  # stamps have a resolution of one second


class ProbeStatus(StrEnum):
    """How far a probe has come."""

    PENDING = "pending"
    OVERDUE = "overdue"
    ARRIVED = "arrived"
    LATE = "late"
    MISSING = "missing"
    UNKNOWN = "unknown"

    @property
    def settled(self) -> bool:
        """Return whether looking can stop."""
        return self not in {ProbeStatus.PENDING, ProbeStatus.OVERDUE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a probe is late, overdue or missing; all in seconds since acceptance."""

    late_after_seconds: float
    deadline_seconds: float
    overdue_factor: float = 10.0  # this many times its sibling's latency is overdue,
    overdue_minimum_seconds: float = 60.0  # but nothing below this

    def overdue_after_seconds(self, sibling_seconds: float | None) -> float:
        """Return when a probe is overdue, given the latency of a sibling of its round and seed that arrived."""
        if sibling_seconds is None:
            return self.late_after_seconds
        relative = max(self.overdue_factor * sibling_seconds, self.overdue_minimum_seconds)
        return min(self.late_after_seconds, relative)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A probe that is looked for, and what is known of it."""

    probe: SentProbe
    receiver: str
    status: ProbeStatus = ProbeStatus.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Where and when a probe was found."""

    placement: str  # "inbox", "spam", "tab:<name>", "other:<folder>"
    searched: tuple[str, ...]
    after_seconds: float  # it was not there yet when the last look before began
    before_seconds: float  # it was there when this look ended
    stamps_seconds: tuple[float, ...]  # the receiver's, most trusted first
    authentication: Authentication | None
    copies: int = 1


def judge_found(
    watched: Watched, finding: Finding, *, limits: Limits, at: datetime
) -> tuple[Watched, list[Observation]]:
    """Return the settled probe and what it tells: arrival, placement, latency, authentication."""
    seconds, note = latency(finding)
    late = seconds > limits.late_after_seconds
    inbox = finding.placement == FolderRole.INBOX or finding.placement.startswith("tab:")
    copies = f", {finding.copies} copies" if finding.copies > 1 else ""
    where = f"found in {finding.placement}{copies}; searched {', '.join(finding.searched)}{note}"
    results = finding.authentication
    told = [
        _observation(watched, Signal.ARRIVAL, Outcome.GOOD, at, value=seconds, text=where),
        _observation(
            watched,
            Signal.PLACEMENT,
            Outcome.GOOD if inbox else Outcome.BAD,
            at,
            value=finding.placement,
            text=where,
        ),
        _observation(
            watched,
            Signal.AUTHENTICATION,
            results.outcome if results else Outcome.UNKNOWN,
            at,
            value=str(results) if results else "none",
        ),
    ]
    if watched.status is not ProbeStatus.OVERDUE:  # overdue has been told as late already
        verdict = Outcome.BAD if late else Outcome.GOOD
        told.insert(2, _observation(watched, Signal.LATENCY, verdict, at, value=seconds))
    return replace(watched, status=ProbeStatus.LATE if late else ProbeStatus.ARRIVED), told


def judge_absent(
    watched: Watched,
    *,
    look_began_seconds: float,
    searched: Sequence[str],
    sibling_seconds: float | None,
    limits: Limits,
    at: datetime,
) -> tuple[Watched, list[Observation]]:
    """Return what a look that searched every expected folder without finding the probe tells.

    Missing needs a whole look that began after the deadline; overdue one after its own limit.
    """
    folders = f"not in {', '.join(searched)} after {look_began_seconds:.0f} s"
    if look_began_seconds >= limits.deadline_seconds:
        told = [_observation(watched, Signal.ARRIVAL, Outcome.BAD, at, text=folders)]
        return replace(watched, status=ProbeStatus.MISSING), told
    overdue_after = limits.overdue_after_seconds(sibling_seconds)
    if watched.status is ProbeStatus.PENDING and look_began_seconds >= overdue_after:
        if sibling_seconds is not None:
            folders += f", its sibling took {sibling_seconds:.0f} s"
        told = [_observation(watched, Signal.LATENCY, Outcome.BAD, at, value=look_began_seconds, text=folders)]
        return replace(watched, status=ProbeStatus.OVERDUE), told
    return watched, []


def judge_unsearchable(
    watched: Watched, *, look_began_seconds: float, error: str, limits: Limits, at: datetime
) -> tuple[Watched, list[Observation]]:
    """Return what a failed look tells: nothing before the deadline, and after it that nothing is known."""
    if look_began_seconds < limits.deadline_seconds:
        return watched, []
    told = [_observation(watched, Signal.ARRIVAL, Outcome.UNKNOWN, at, text=f"the seed could not be searched: {error}")]
    return replace(watched, status=ProbeStatus.UNKNOWN), told


def latency(finding: Finding) -> tuple[float, str]:
    """Return the seconds from acceptance to arrival, and a note where the receiver's clock contradicts ours."""
    low, high = max(finding.after_seconds, 0.0), max(finding.before_seconds, 0.0)
    for stamp in finding.stamps_seconds:
        if low - _STAMP_TOLERANCE_SECONDS <= stamp <= high + _STAMP_TOLERANCE_SECONDS:
            return min(max(stamp, low), high), ""
    if not finding.stamps_seconds:
        return high, ""
    return high, f"; the receiver's clock contradicts ours, it arrived {low:.0f} to {high:.0f} s after acceptance"


def _observation(
    watched: Watched,
    signal: Signal,
    outcome: Outcome,
    at: datetime,
    *,
    value: float | str | None = None,
    text: str | None = None,
) -> Observation:
    probe = watched.probe
    return Observation(
        at=at,
        provider=probe.provider,
        signal=signal,
        source=Source.PROBE,
        outcome=outcome,
        receiver=watched.receiver,
        seed=probe.seed,
        round=probe.round,
        confirmation=probe.confirmation,
        value=value,
        text=short_text(text) if text else None,
        signed=probe.signed,
    )
