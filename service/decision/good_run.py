"""Good session checks in a row, folded at once: the same state as one by one, at a fraction of the work. Pure.

Two facts of three are such checks of a provider of which nothing bad is held. Each of them counts one up, moves the
times on and lets a test's scores decay; nothing else. So a run of them is kept as numbers and the last of them, until
something else happens. What one provider's good check does concerns no other provider, so a provider with a run does
not wait for one without.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from probes.observation import Observation, Outcome, Signal, Source
from service.decision.calibration import calibrate
from service.decision.evidence import Results, Track, weighed
from service.decision.fold import step
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER
from service.decision.state import ProviderState, State
from service.decision.tally import BUCKETS, bucket_of, count
from service.decision.trouble import NO_TROUBLE, Trouble

_SESSION, _LIVE = (ANY_RECEIVER, Signal.SESSION), (ANY_RECEIVER, Signal.LIVE)
_MESSAGE = "message"


@dataclass(slots=True)
class _Run:
    """One provider's run."""

    round: str  # of the latest check, in the run or before it
    at: datetime
    bucket: int  # of the tally, and until when the checks are counted in it
    until: datetime
    count: int = 0  # checks in that bucket
    earlier: list[tuple[int, int]] = field(default_factory=list)  # (bucket, checks) of those before


class GoodRuns:
    """The good session checks that follow one state, and what they amount to."""

    def __init__(self, state: State, policy: Policy) -> None:
        self._state = state  # without what is in the runs
        self._policy = policy
        self._lifetime = policy.evidence_lifetime_seconds
        context = state.context
        self._open = context.local is None and _MESSAGE not in context.notes and not _in_question(state)
        self._since = context.void_at
        self._runs = {name: _run(provider, policy) for name, provider in state.providers.items()}
        self._at = state.at

    def take(self, fact: Observation) -> bool:
        """Take in a good session check that leaves every suspicion as it is; return whether it was one."""
        if (
            fact.signal is not Signal.SESSION
            or fact.outcome is not Outcome.GOOD
            or fact.confirmation
            or fact.source is not Source.PROBE
            or fact.provider not in self._runs
            or not self._open
            or (self._state.due_at is not None and fact.at >= self._state.due_at)
            or (self._since is not None and fact.at < self._since)
        ):
            return False
        if fact.count == 1 and fact.round is not None and self.take_check(fact.at, fact.provider, fact.round):
            return True
        if not self._alone(fact):
            return False
        self._at = fact.at
        return True

    def take_check(self, at: datetime, provider: str, round_: str) -> bool:
        """Take in a scheduled session check that passed, if it belongs to a run; return whether it did."""
        run = self._runs.get(provider)
        if run is None or at < run.at or round_ == run.round or not self._open:
            return False
        if self._state.due_at is not None and at >= self._state.due_at:
            return False
        if self._since is not None and at < self._since:
            return False
        if at >= run.until:
            bucket = bucket_of(at, self._lifetime)
            if bucket > run.bucket + 1:
                return False  # after so long a pause what is held of the provider may have expired
            run.earlier.append((run.bucket, run.count))
            run.bucket, run.until, run.count = bucket, _ends(bucket, self._lifetime), 0
        run.round, run.at = round_, at
        run.count += 1
        self._at = at
        return True

    def _alone(self, fact: Observation) -> bool:
        """Fold a check that is not in a run, if it does no more than the others; return whether it did not."""
        name = fact.provider
        before = self._with_run(self._state, name)
        after = step(before, fact, self._policy)
        was, is_now = before.providers[name], after.providers[name]
        if after.context is not before.context or was.trouble != is_now.trouble or was.bursts is not is_now.bursts:
            return False
        if any(track.alarmed_at is not None for track in is_now.tracks.values()):
            return False
        self._state, self._runs[name] = after, _run(is_now, self._policy)
        return True

    def settled(self) -> State:
        """Return the state after the runs."""
        state = self._state
        for name in self._runs:
            state = self._with_run(state, name)
        return state if state.at == self._at else replace(state, at=self._at)

    def _with_run(self, state: State, name: str) -> State:
        run = self._runs[name]
        if run is None or not run.count:
            return state
        ahead = _ahead(state.providers[name], (*run.earlier, (run.bucket, run.count - 1)), self._policy)
        state = replace(state, providers={**state.providers, name: ahead})
        return step(state, good_session(run.at, name, run.round), self._policy)


def good_session(at: datetime, provider: str, round_: str) -> Observation:
    """Return the fact of a scheduled session check that passed."""
    return Observation(
        at=at, provider=provider, signal=Signal.SESSION, source=Source.PROBE, outcome=Outcome.GOOD, round=round_
    )


def _in_question(state: State) -> bool:
    """Return whether anybody's failures wait for another provider's success."""
    return any(p.trouble.streak is not None or p.trouble.pending for p in state.providers.values())


def _run(provider: ProviderState, policy: Policy) -> _Run | None:
    """Return the run that this provider's checks may begin; none when a good check would do more than count."""
    track = provider.tracks.get(_SESSION)
    if track is None or not track.scores or track.alarmed_at is not None:
        return None
    trouble, live = provider.trouble, provider.tracks.get(_LIVE)
    if trouble is not NO_TROUBLE and trouble != Trouble(doubt=trouble.doubt, account=trouble.account):
        return None
    if live is not None and live.alarmed_at is not None:
        return None
    at = max(time for time in (track.last_at, provider.good_at, provider.seen_at) if time is not None)
    bucket = track.tally.bucket
    return _Run(round=track.cluster, at=at, bucket=bucket, until=_ends(bucket, policy.evidence_lifetime_seconds))


def _ends(bucket: int, lifetime_seconds: float) -> datetime:
    """Return when the bucket ends, or a little earlier."""
    return datetime.fromtimestamp(int((bucket + 1) * lifetime_seconds / BUCKETS), UTC)


def _ahead(provider: ProviderState, checks: Iterable[tuple[int, int]], policy: Policy) -> ProviderState:
    """Return the provider with more good checks counted, so many in each bucket; one that follows sets the times."""
    track, bank = provider.tracks[_SESSION], calibrate(policy)[_SESSION]
    for bucket, number in checks:
        for nth in range(number):
            if not any(track.scores):
                track = _counted(track, bucket, number - nth)
                break
            one = Results(at=track.last_at, bucket=bucket, cluster=f"{track.cluster}+", bad=0, total=1)
            track = weighed(track, one, bank, policy.failback_rounds)
    return replace(provider, tracks={**provider.tracks, _SESSION: replace(track, cluster="")})


def _counted(track: Track, bucket: int, checks: int) -> Track:
    """Return the track of a test at rest with so many more good checks."""
    bad, total = track.healthy
    healthy = bad, total + checks
    return replace(
        track,
        tally=count(track.tally, bucket, 0, checks),
        healthy=healthy,
        healthy_before=healthy,
        good_run=track.good_run + checks,
    )
