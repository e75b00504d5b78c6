"""Candidates: which provider may take the mail over, and in what order the others follow. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from probes.observation import Signal
from service.decision.policy import Policy
from service.decision.reason import utc
from service.decision.route import ANY_RECEIVER
from service.decision.severity import Severity
from service.decision.standing import Standing, Status
from service.decision.state import State

_KINDS = {Severity.LOSING: Signal.ARRIVAL, Severity.MISPLACING: Signal.PLACEMENT, Severity.LATE: Signal.LATENCY}
_WORDS = {
    Signal.ARRIVAL: "to bring mail to a seed",
    Signal.PLACEMENT: "to reach an inbox",
    Signal.LATENCY: "to be on time",
}


def freshness(policy: Policy) -> timedelta:
    """Return how old the last good evidence of a target may be: three session checks or a round and a half."""
    rounds = 1.5 * policy.round_interval_seconds + policy.round_deadline_seconds if policy.seeds else 0.0
    return timedelta(seconds=min(policy.evidence_lifetime_seconds, max(3 * policy.session_interval_seconds, rounds)))


def unproven(
    name: str,
    state: State,
    policy: Policy,
    now: datetime,
    *,
    left_for: Severity,
    since: datetime | None,
    receiver: str = ANY_RECEIVER,
) -> str | None:
    """Return why this provider is not proven for a move of this receiver's mail made for such a fault; none when it is.

    Proven: seen to take mail lately, since the fault began and since measuring last began anew, with no
    failure since; and for a move made for placement, arrival or latency, seen to do just that well.
    """
    provider = state.providers.get(name)
    void_at = state.context.void_at
    floor = max((t for t in (since, void_at) if t is not None), default=None)
    if provider is None or provider.good_at is None:
        return f"{name} has never been seen to take mail"
    if provider.trouble.streak is not None:
        return f"{name} itself failed at {utc(provider.trouble.streak.last.at)}"
    if floor is not None and provider.good_at < floor:
        return f"{name} has not been seen to take mail since {utc(floor)}"
    if now - provider.good_at > freshness(policy):
        return f"{name} was last seen to take mail at {utc(provider.good_at)}"
    kind = _KINDS.get(left_for)
    if kind is None:
        return None
    track = provider.tracks.get((receiver, kind))
    good_at = track.last_good_at if track else None
    if good_at is None or (floor is not None and good_at < floor):
        where = "" if receiver == ANY_RECEIVER else f" at {receiver}"
        return f"{name} has not been seen {_WORDS[kind]}{where}" + (f" since {utc(floor)}" if floor else " yet")
    return None


def ordered(first: str, standings: Mapping[str, Standing], policy: Policy, out: frozenset[str]) -> tuple[str, ...]:
    """Return a lane's order: the chosen provider, then the others, working ones first, each by preference.

    Those unproven, with an unacknowledged account fault, or degraded though they still accept, stay behind the
    working ones, drained ones behind those, refusing ones last. A provider that refuses our account leaves the
    list: it would only hold mail up.
    """
    rest = [n for n in policy.providers if n != first and not standings[n].account_fault]
    return (first, *sorted(rest, key=lambda n: _place(standings[n], drained=n in out)))


def _place(standing: Standing, *, drained: bool) -> tuple[int, int]:
    if standing.severity is Severity.REFUSING and standing.hard:
        return 4, 0
    if drained:
        return 3, 0
    if standing.weighing is not Severity.NONE:
        return 2, standing.weighing.rank
    return (1, 0) if standing.status is Status.UNKNOWN or standing.needs_ack else (0, 0)
