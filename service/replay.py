"""Replays recorded facts under a policy: every health transition and every move it would have made. Pure.

The facts are folded in recording order and judged as the daemon judges: after each batch of facts, and at the
moments in between at which time alone changes something (a hold-down or an order ends, evidence expires). The
route is imagined: it begins where the record begins and follows the replay's own moves, and a person's. What
automation moved on record is left out of the fold and kept for comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from probes.observation import Fact, Notice, NoticeKind, Observation, Outcome, Signal
from service.cycle import Seen, judge
from service.decision.fold import step
from service.decision.good_run import GoodRuns, good_session
from service.decision.health import Status, health_of, status_of
from service.decision.override import drained
from service.decision.policy import Failback, Mode, Policy
from service.decision.route import ANY_RECEIVER, Route, simple_route
from service.decision.route_text import is_simple
from service.decision.safety import MANUAL
from service.decision.severity import Severity
from service.decision.state import ProviderState, State, initial_state
from service.decision.trouble import NO_TROUBLE
from service.decision.wake import next_wake
from service.route_change import RouteChange, among, notice_of, recorded_change

__all__ = ["Event", "HealthTransition", "Replay", "RouteChange", "is_calm", "recorded_change"]

_MOST_WAKES = 1000  # between two facts; each is a deadline that lies ahead, so this is never met in practice
_MOST_CHANGES = 8  # of the route at one moment
_INTERRUPTIONS = (NoticeKind.START, NoticeKind.GAP, NoticeKind.CLOCK_JUMP)  # nobody was there to judge before them
_UNCHANGED = (Status.HEALTHY, Status.SUSPECT)  # by a good result, as long as the suspicion stays
_NEW_CLOCK = (NoticeKind.START, NoticeKind.CLOCK_JUMP)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthTransition:
    """One provider's health at one receiver ("*": all) became another."""

    at: datetime
    provider: str
    receiver: str
    before: Status
    after: Status
    severity: Severity
    reason: str

    @property
    def rule(self) -> str:
        """Return the severity of what is wrong, or the status where nothing is."""
        return str(self.after if self.severity is Severity.NONE else self.severity)


Event = HealthTransition | RouteChange


class Replay:
    """Folds facts and tells what the policy makes of them.

    `active` is the provider that carried the mail before the first fact; by default the preferred one.
    """

    def __init__(self, policy: Policy, active: str | None = None) -> None:
        first = active if active in policy.providers else policy.providers[0]
        self.policy = policy
        self._state: State = initial_state()
        self._runs: GoodRuns | None = None  # of good session checks, not yet in the state
        self.route: Route = simple_route(first, *(name for name in policy.providers if name != first))
        self.observations = 0
        self.strangers: dict[str, int] = {}  # facts of providers that the policy does not name
        self.moves: list[RouteChange] = []  # of the policy
        self.recorded: list[RouteChange] = []  # by automation, as the facts tell
        # A would-be move is imagined as made, so that hold-down and brake bear on what follows.
        self._judged_by = replace(policy, mode=Mode.ENFORCE)
        self._known = frozenset(policy.providers)
        # With standing shares the volume and time alone may ask for others.
        self._sharing = policy.shares and bool(policy.warm_shares or policy.hourly_caps or policy.ramp_shares)
        self._receivers = (ANY_RECEIVER, *policy.receivers)
        self._now: datetime | None = None
        self._last: Fact | None = None
        self._last_check: tuple[datetime, str, str] | None = None  # told last, and not made a fact
        self._dirty = False
        self._quiet = False
        self._wake: datetime | None = None
        self._void_at: datetime | None = None
        self._judged: dict[str, ProviderState] = {}
        self._well: set[str] = set()
        self._statuses: dict[tuple[str, str], Status] = {
            (name, receiver): Status.UNKNOWN for name in policy.providers for receiver in self._receivers
        }

    @property
    def state(self) -> State:
        """Return the fold of all facts so far."""
        return self._state if self._runs is None else self._runs.settled()

    @state.setter
    def state(self, state: State) -> None:
        self._state, self._runs = state, None

    def passes(self, at: datetime, provider: str, round_: str) -> bool:
        """Fold a scheduled session check that passed, if that changes no health; return whether it was folded.

        The same as `tell`, without a fact being made of it.
        """
        if self._runs is None or (self._wake is not None and at >= self._wake):
            return False
        if not self._runs.take_check(at, provider, round_):
            return False
        self._last, self._last_check = None, (at, provider, round_)
        if self._now is None or at > self._now:
            self._now = at
        self.observations += 1
        return True

    def tell(self, fact: Fact) -> Sequence[Event]:
        """Fold one more fact; return what was found before it, in order of time."""
        at = fact.at
        if self._runs is not None:
            if isinstance(fact, Observation) and (self._wake is None or at < self._wake) and self._runs.take(fact):
                self._last, self._last_check = fact, None
                if self._now is None or at > self._now:
                    self._now = at
                self.observations += 1
                return ()
            self.state = self._runs.settled()
        found: Sequence[Event] = ()
        if self._last_check is not None:
            self._last, self._last_check = good_session(*self._last_check), None
        last = self._last
        if last is not None and at != last.at and not _same_sweep(last, fact):
            found = self._catch_up(fact)
        self._last = fact
        if self._now is None or at > self._now or (isinstance(fact, Notice) and fact.kind in _NEW_CLOCK):
            self._now = at
        if isinstance(fact, Notice):
            self._notice(fact)
            return found
        self.observations += 1
        if fact.provider in self._known:
            self._observe(fact)
        else:
            self.strangers[fact.provider] = self.strangers.get(fact.provider, 0) + 1
        return found

    def finish(self) -> Sequence[Event]:
        """Judge the last batch; return what was found."""
        self._last = self._last_check = None
        return self._judge_batch()

    def _catch_up(self, fact: Fact) -> Sequence[Event]:
        """Judge the batch that has ended, and at each deadline before the next fact."""
        if not self._dirty and (self._wake is None or self._wake >= fact.at):
            return ()
        found = self._judge_batch()
        if isinstance(fact, Notice) and fact.kind in _INTERRUPTIONS:
            return found
        for _ in range(_MOST_WAKES):
            if self._wake is None or self._wake >= fact.at:
                break
            self._now = self._wake
            found += self._judge(self._now)
        return found

    def _judge_batch(self) -> list[Event]:
        """Judge at the end of a batch that changed something, or in which a deadline passed."""
        if self._now is None or not (self._dirty or (self._wake is not None and self._wake <= self._now)):
            return []
        return self._judge(self._now)

    def _observe(self, observation: Observation) -> None:
        before = self._state  # `tell` has ended any run
        after = self._state = step(before, observation, self._judged_by)
        if after.context is not before.context:
            self._dirty = True
        elif after.providers is not before.providers and not self._dirty:
            self._dirty = not (self._quiet and self._changes_nothing(observation, before, after))
        if self._quiet and not self._dirty and observation.signal is Signal.SESSION and self._well_known():
            self._runs = GoodRuns(after, self._judged_by)

    def _well_known(self) -> bool:
        """Return whether no provider's standing over all mail can be changed by a good result."""
        return all(self._statuses[name, ANY_RECEIVER] in _UNCHANGED for name in self.policy.providers)

    def _changes_nothing(self, observation: Observation, before: State, after: State) -> bool:
        """Return whether this result leaves every health as it is, nothing being confirmed against anybody.

        A good result that changes nothing in what is suspected of a provider only pushes expiry away.
        """
        if observation.outcome is not Outcome.GOOD or after.closed is not before.closed:
            return False
        name, receiver = observation.provider, observation.receiver
        if self._statuses[name, ANY_RECEIVER] not in _UNCHANGED:
            return False
        if receiver is not None and self._statuses.get((name, receiver), Status.HEALTHY) not in _UNCHANGED:
            return False
        if len(before.providers) != len(after.providers):
            return False
        for one, provider in after.providers.items():
            was = before.providers[one]
            if was is not provider and (one != name or was.trouble != provider.trouble or _alarmed(provider)):
                return False
        return True

    def _notice(self, notice: Notice) -> None:
        self._dirty = True
        if notice.kind is not NoticeKind.SWITCHOVER:
            self.state = step(self.state, notice, self._judged_by)
            return
        change = recorded_change(notice)
        if change is None:
            return
        if change.trigger != MANUAL:
            self.recorded.append(replace(change, left=change.left or self.route.lane(change.receiver).active))
            return
        kept = among(change.route, self._known)
        if kept is not None:
            self.state = step(self.state, notice, self._judged_by)
            self.route = kept

    def _judge(self, now: datetime) -> list[Event]:
        self._dirty = False
        found: list[Event] = []
        for _ in range(_MOST_CHANGES):
            found += self._transitions(now)
            self._quiet = self._stays(now)
            if self._quiet:
                break
            seen = Seen(now=now, state=self.state, policy=self._judged_by, route=self.route, problem=None)
            verdict = judge(seen)
            if verdict.kind != "move" or verdict.move is None:
                break
            move = verdict.move
            change = RouteChange(
                at=now,
                left=self.route.lane(move.receiver).active,
                route=move.route,
                receiver=move.receiver,
                reason=move.reason,
                rule=move.rule,
                trigger=move.trigger,
                enforced=self.policy.mode is Mode.ENFORCE,
            )
            found.append(change)
            self.moves.append(change)
            self.state = step(self.state, notice_of(change), self._judged_by)
            self.route = move.route
        self._wake = next_wake(self.state, self._judged_by, now)
        return found

    def _transitions(self, now: datetime) -> list[Event]:
        """Return what became of the health of each provider about which something was learnt, or of all if need be."""
        void_at = self.state.context.void_at
        of_all = void_at is not self._void_at or (self._wake is not None and now >= self._wake)
        self._void_at = void_at
        found: list[Event] = []
        for name in self.policy.providers:
            provider = self.state.providers.get(name)
            if provider is None or (not of_all and provider is self._judged.get(name)):
                continue
            self._judged[name] = provider
            calm = is_calm(provider)
            if of_all or not calm or name not in self._well:
                found += self._transitions_of(name, now)
                well = calm and all(self._statuses[name, r] is Status.HEALTHY for r in self._receivers)
                (self._well.add if well else self._well.discard)(name)
        return found

    def _transitions_of(self, name: str, now: datetime) -> list[Event]:
        found: list[Event] = []
        for receiver in self._receivers:
            before = self._statuses[name, receiver]
            if status_of(name, receiver, self.state, self._judged_by, now) is not before:
                health = health_of(name, receiver, self.state, self._judged_by, now)
                self._statuses[name, receiver] = health.status
                found.append(
                    HealthTransition(
                        at=now,
                        provider=name,
                        receiver=receiver,
                        before=before,
                        after=health.status,
                        severity=health.severity,
                        reason=health.reason,
                    )
                )
        return found

    def _stays(self, now: datetime) -> bool:
        """Return whether it is plain without weighing anything that the decision is to stay.

        Nothing is confirmed against anybody, nobody is drained, every provider is in the route, none is preferred
        to the one in use, and all mail goes one way as a whole.
        """
        policy = self._judged_by
        return (
            is_simple(self.route)
            and not self._sharing
            and (self.route.active == policy.providers[0] or policy.failback is Failback.OFF)
            and frozenset(self.route.providers) == self._known
            and not any(
                provider.trouble.fault is not None or _alarmed(provider) for provider in self.state.providers.values()
            )
            and not drained(self.state.context.overrides, now)
        )


def is_calm(provider: ProviderState) -> bool:
    """Return whether nothing is held against this provider, nor suspected."""
    return provider.trouble is NO_TROUBLE and not _alarmed(provider)


def _alarmed(provider: ProviderState) -> bool:
    return any(track.alarmed_at is not None for track in provider.tracks.values())


def _same_sweep(one: Fact, other: Fact) -> bool:
    """Return whether both belong to one session sweep, which the daemon hands over as a whole."""
    return (
        isinstance(one, Observation)
        and isinstance(other, Observation)
        and one.signal is Signal.SESSION
        and other.signal is Signal.SESSION
        and one.round is not None
        and one.round == other.round
    )
