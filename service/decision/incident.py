"""Incidents: from when to when a provider was held degraded, as the fold of the facts has it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.decision.health import Health, Status, health_of, status_of
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER
from service.decision.severity import Severity, worst
from service.decision.state import State

_NO_MAIL = (Severity.REFUSING, Severity.LOSING)
Key = tuple[str, str]  # (provider, receiver)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One time in which a provider was held degraded at one receiver ("*": all)."""

    provider: str
    receiver: str
    began_at: datetime  # first bad result
    severity: Severity  # the worst
    reason: str  # as it was when found, or when it last got worse
    recovering_since: datetime | None = None  # first good result of the run that may end it
    ended_at: datetime | None = None  # none: it has not ended

    @property
    def stops_mail(self) -> bool:
        """Return whether mail did not get through."""
        return self.severity in _NO_MAIL

    def seconds_within(self, since: datetime, until: datetime) -> float:
        """Return how much of it lies in this time."""
        end = until if self.ended_at is None else min(self.ended_at, until)
        return max(0.0, (end - max(self.began_at, since)).total_seconds())


def incidents_after(
    before: Mapping[Key, Incident], state: State, policy: Policy, now: datetime
) -> tuple[Mapping[Key, Incident], tuple[Incident, ...]]:
    """Return the incidents that go on in this state, given those that did before, and those that ended or changed.

    An incident ends with the first result of the run that recovery was earned by: what came after it was proof.
    """
    open_now = dict(before)
    changed: list[Incident] = []
    for name in policy.providers:
        for receiver in (ANY_RECEIVER, *policy.receivers):
            key = (name, receiver)
            status = status_of(name, receiver, state, policy, now)
            after, told = _after(before.get(key), status, key, state, policy, now)
            changed += told
            if after is not None:
                open_now[key] = after
            else:
                open_now.pop(key, None)
    known = {(name, receiver) for name in policy.providers for receiver in (ANY_RECEIVER, *policy.receivers)}
    changed += [replace(open_now.pop(key), ended_at=now) for key in before if key not in known]
    return open_now, tuple(changed)


def _after(
    incident: Incident | None, status: Status, key: Key, state: State, policy: Policy, now: datetime
) -> tuple[Incident | None, tuple[Incident, ...]]:
    """Return the incident that goes on, if one does, and those that began, changed or ended."""
    ill = status in (Status.DEGRADED, Status.RECOVERING)
    if not ill:
        if incident is None:
            return None, ()
        return None, (replace(incident, ended_at=max(incident.began_at, incident.recovering_since or now)),)
    found = health_of(*key, state, policy, now)
    if incident is None:
        begun = _begun(key, found, min(found.since or now, now))
        return begun, (begun,)
    if (found.severity in _NO_MAIL) is not incident.stops_mail:
        # Mail that stops, or goes again, is another incident: else a day of spam folders would count as no mail.
        at = now if incident.stops_mail else max(incident.began_at, min(found.since or now, now))
        begun = _begun(key, found, at)
        return begun, (replace(incident, ended_at=at), begun)
    after = incident
    if worst((incident.severity, found.severity)) is not incident.severity:
        after = replace(after, severity=found.severity, reason=found.reason)
    since = (incident.recovering_since or now) if status is Status.RECOVERING else None
    if since != incident.recovering_since:
        after = replace(after, recovering_since=since)
    return after, () if after is incident else (after,)


def _begun(key: Key, found: Health, at: datetime) -> Incident:
    return Incident(provider=key[0], receiver=key[1], began_at=at, severity=found.severity, reason=found.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """What the incidents of one provider at one receiver amount to over the time in which it was watched."""

    watched_seconds: float
    incidents: int  # begun in it, of any severity
    stopped: int  # of these, in which mail did not get through
    stopped_seconds: float  # in all, in which mail did not get through
    open: int  # of the incidents, not yet ended
    between_seconds: float | None  # MTBF: watched without incident, per incident; none without any
    repair_seconds: float | None  # MTTR: mean length of those that ended; none without any

    @property
    def availability_ratio(self) -> float | None:
        """Return the share of the watched time in which mail got through; none when nothing was watched."""
        return None if self.watched_seconds <= 0 else 1.0 - self.stopped_seconds / self.watched_seconds


def reliability(incidents: Iterable[Incident], watched_seconds: float, since: datetime, until: datetime) -> Reliability:
    """Return availability, MTBF and MTTR from the incidents of one provider at one receiver."""
    within = [i for i in incidents if i.began_at < until and (i.ended_at is None or i.ended_at >= since)]
    ill = min(watched_seconds, sum(i.seconds_within(since, until) for i in within))
    ended = [i.ended_at - i.began_at for i in within if i.ended_at is not None and i.ended_at <= until]
    repair = sum(ended, timedelta()) / len(ended) if ended else None
    stopped = [i for i in within if i.stops_mail]
    return Reliability(
        watched_seconds=watched_seconds,
        incidents=len(within),
        stopped=len(stopped),
        stopped_seconds=min(watched_seconds, sum(i.seconds_within(since, until) for i in stopped)),
        open=sum(1 for i in within if i.ended_at is None or i.ended_at > until),
        between_seconds=(watched_seconds - ill) / len(within) if within and watched_seconds > 0 else None,
        repair_seconds=None if repair is None else repair.total_seconds(),
    )
