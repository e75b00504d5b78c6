"""Good session checks in a row, folded at once: the same state as one by one, at a fraction of the work. Pure.

Nine facts of ten are such checks of a provider of which nothing bad is held. Each of them counts one up and moves the
times on; nothing else. So a run of them is kept as a number and the last of them, until something else happens.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from probes.observation import Observation, Outcome, Signal, Source
from service.decision.fold import step
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER
from service.decision.state import ProviderState, State
from service.decision.tally import BUCKETS
from service.decision.trouble import Trouble

_SESSION, _LIVE = (ANY_RECEIVER, Signal.SESSION), (ANY_RECEIVER, Signal.LIVE)
_QUIET = Trouble()


@dataclass(slots=True)
class GoodRun:
    """One provider's run; `last` is none while it is empty."""

    round: str  # of the latest check, in the run or before it
    at: datetime
    count: int = 0
    last: Observation | None = None


class GoodRuns:
    """The runs that may begin in one state, and what they amount to."""

    def __init__(self, state: State, policy: Policy) -> None:
        self._state = state
        self._policy = policy
        self._runs = {name: run for name in policy.providers if (run := _run(state.providers.get(name))) is not None}
        context, troubles = state.context, [provider.trouble for provider in state.providers.values()]
        if context.local is not None or "message" in context.notes or any(t.streak or t.pending for t in troubles):
            self._runs = {}
        self._since = max(
            (time for time in (context.void_at, *(r.at for r in self._runs.values())) if time), default=None
        )
        buckets = [state.providers[name].tracks[_SESSION].tally.bucket for name in self._runs]
        self._until: datetime | None = None
        if buckets and min(buckets) == max(buckets):
            end = int((buckets[0] + 1) * policy.evidence_lifetime_seconds / BUCKETS)
            self._until = datetime.fromtimestamp(end, UTC)
            if state.due_at is not None and state.due_at < self._until:
                self._until = state.due_at

    def take(self, fact: Observation) -> bool:
        """Return whether this result belongs to a run, and was taken into it."""
        run = self._runs.get(fact.provider)
        if (
            run is None
            or fact.signal is not Signal.SESSION
            or fact.outcome is not Outcome.GOOD
            or fact.source is not Source.PROBE
            or fact.confirmation
            or fact.count != 1
            or fact.round is None
            or fact.round == run.round
            or self._until is None
            or not run.at <= fact.at < self._until
        ):
            return False
        if run.last is None and self._since is not None and fact.at < self._since:
            return False
        run.round, run.at, run.last = fact.round, fact.at, fact
        run.count += 1
        return True

    def settled(self) -> State:
        """Return the state after the runs."""
        ended = sorted((run for run in self._runs.values() if run.last is not None), key=lambda run: run.at)
        if not ended:
            return self._state
        providers = dict(self._state.providers)
        for run in ended:
            if run.last is not None and run.count > 1:
                providers[run.last.provider] = _ahead(providers[run.last.provider], run.count - 1)
        state = replace(self._state, providers=providers)
        for run in ended:
            if run.last is not None:
                state = step(state, run.last, self._policy)
        return state


def _run(provider: ProviderState | None) -> GoodRun | None:
    """Return the run that this provider's checks may begin; none when a good check would do more than count."""
    track = provider.tracks.get(_SESSION) if provider is not None else None
    if provider is None or track is None or not track.scores or any(track.scores) or track.alarmed_at is not None:
        return None
    trouble, live = provider.trouble, provider.tracks.get(_LIVE)
    if replace(trouble, doubt=None, account=None) != _QUIET or (live is not None and live.alarmed_at is not None):
        return None
    return GoodRun(round=track.cluster, at=max(track.last_at, provider.good_at or track.last_at))


def _ahead(provider: ProviderState, checks: int) -> ProviderState:
    """Return the provider with so many more good checks counted; the one that follows sets everything else."""
    track = provider.tracks[_SESSION]
    bad, total = track.healthy
    counted = replace(
        track,
        tally=replace(track.tally, total=track.tally.total + checks),
        healthy=(bad, total + checks),
        good_run=track.good_run + checks,
        cluster="",
    )
    return replace(provider, tracks={**provider.tracks, _SESSION: counted})
