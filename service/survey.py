"""Surveys recorded facts: what they show of the installation, for a replay that has no configuration. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from probes.observation import Fact, Notice, NoticeKind, Observation, Outcome, Signal
from service.decision.policy import Policy
from service.replay import recorded_change

_OPEN_ROUNDS = 200  # rounds whose beginning is remembered
_MOST_GAPS = 2000  # enough for a median
_DEFAULTS = Policy(providers=(), seeds=())
_LONGEST_SESSION_SECONDS, _LONGEST_ROUND_SECONDS = 3600.0, 86400.0  # longer gaps are pauses, not intervals


@dataclass(slots=True)
class _Pace:
    """Gaps between the starts of scheduled sweeps or rounds."""

    longest_seconds: float
    last_round: str | None = None
    last_at: datetime | None = None
    gaps: list[float] = field(default_factory=list)

    def see(self, round_: str | None, at: datetime) -> None:
        if round_ is not None and round_ == self.last_round:
            return
        if self.last_at is not None and len(self.gaps) < _MOST_GAPS:
            gap = (at - self.last_at).total_seconds()
            if 0 < gap <= self.longest_seconds:
                self.gaps.append(gap)
        self.last_round, self.last_at = round_, at


def _interval(paces: Iterable[_Pace]) -> float | None:
    """Return the usual gap in seconds; none when there are none."""
    gaps = [gap for pace in paces for gap in pace.gaps]
    return round(median(gaps), 1) or None if gaps else None


class Survey:
    """Collects what facts show, one after the other."""

    def __init__(self) -> None:
        self.active: str | None = None  # carried the mail before the first move on record
        self.moved = False  # there is such a move
        self._providers: dict[str, None] = {}
        self._seeds: dict[str, str] = {}
        self._sessions: dict[str, _Pace] = {}
        self._rounds = _Pace(_LONGEST_ROUND_SECONDS)
        self._round_began: dict[str, datetime] = {}
        self._missing_after: float | None = None

    def see(self, fact: Fact) -> None:
        """Take in one more fact."""
        if isinstance(fact, Notice):
            self._notice(fact)
            return
        self._providers.setdefault(fact.provider)
        if fact.seed is not None and fact.receiver is not None:
            self._seeds.setdefault(fact.seed, fact.receiver)
        if fact.signal is Signal.SESSION and not fact.confirmation:
            self._sessions.setdefault(fact.provider, _Pace(_LONGEST_SESSION_SECONDS)).see(fact.round, fact.at)
        elif fact.round is not None and fact.seed is not None:
            self._probe(fact, fact.round)

    def _notice(self, notice: Notice) -> None:
        if notice.kind is NoticeKind.SWITCHOVER and not self.moved and (change := recorded_change(notice)):
            self.moved, self.active = True, change.left or None

    def _probe(self, fact: Observation, round_: str) -> None:
        if round_ not in self._round_began:
            if len(self._round_began) >= _OPEN_ROUNDS:
                del self._round_began[next(iter(self._round_began))]
            self._round_began[round_] = fact.at
            if not fact.confirmation:
                self._rounds.see(round_, fact.at)
        bad = fact.outcome is Outcome.BAD
        if fact.signal is Signal.ARRIVAL and bad:
            waited = (fact.at - self._round_began[round_]).total_seconds()
            self._missing_after = waited if self._missing_after is None else min(self._missing_after, waited)

    def policy(self) -> Policy | None:
        """Return the policy that these facts suggest, with defaults for the rest; none when they name no provider."""
        if not self._providers:
            return None
        session = _interval(self._sessions.values()) or _DEFAULTS.session_interval_seconds
        rounds = _interval((self._rounds,)) or _DEFAULTS.round_interval_seconds
        deadline = self._missing_after or min(_DEFAULTS.round_deadline_seconds, rounds)
        return Policy(
            providers=tuple(self._providers),
            seeds=tuple(self._seeds.items()),
            session_interval_seconds=session,
            round_interval_seconds=rounds,
            round_deadline_seconds=max(1.0, round(deadline, 1)),
            late_seconds=min(_DEFAULTS.late_seconds, max(1.0, round(deadline, 1))),
            confirmation_spacing_seconds=min(_DEFAULTS.confirmation_spacing_seconds, session),
            evidence_lifetime_seconds=max(_DEFAULTS.evidence_lifetime_seconds, 3 * rounds),
        )
