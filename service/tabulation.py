"""Counts what facts say of each provider, hour by hour, in sums that can be added up: the roll-ups. Pure.

What a fact says by itself is counted when it is told. What a round says of two providers is counted when the round
is over; until then its results are kept in `Unfinished`, which goes on where another process stopped.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from probes.delay_histogram import bucket_of
from probes.observation import Fact, Notice, Observation, Outcome, Signal, Source
from service.decision.attribution import Blame, blame
from service.decision.gate import start_grace
from service.decision.paired import COMPARED
from service.decision.policy import Policy
from service.decision.round import GRACE_SECONDS
from service.decision.route import ANY_RECEIVER

HOUR_SECONDS = 3600
LATENCY = "latency:"  # and the bucket of the histogram
_OURS = (Blame.SENDER, Blame.MESSAGE, Blame.RECIPIENT, Blame.LOCAL)
_SPAM = "spam"
_MOST_ROUNDS = 64  # open at once
_REMEMBERED = 128  # over: what still comes of them is too late
_ABOVE_DEADLINE_SECONDS = 60.0
Sums = dict[tuple[int, str, str, str], Counter[str]]  # (hour, provider, other of a pair or "", receiver or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a round lasts, and how long nothing may be heard of a provider that is being watched."""

    round_seconds: float
    watch_seconds: float


def pace_of(policy: Policy) -> Pace:
    """Return the pace of this policy."""
    return Pace(
        round_seconds=policy.round_deadline_seconds + GRACE_SECONDS + _ABOVE_DEADLINE_SECONDS,
        watch_seconds=start_grace(policy).total_seconds(),
    )


@dataclass(slots=True)
class _Round:
    opened: float
    verdicts: dict[tuple[str, str], dict[str, bool]] = field(default_factory=dict)  # (seed, signal) → provider → good
    receivers: dict[str, str] = field(default_factory=dict)  # of the seeds


class Unfinished:
    """Rounds that are not over, and when each provider was last heard of."""

    def __init__(self) -> None:
        self.rounds: dict[str, _Round] = {}
        self.over: list[str] = []
        self.heard: dict[str, float] = {}

    def to_json(self) -> str:
        """Return it as JSON text."""
        rounds = {
            word: [r.opened, r.receivers, [[*key, goods] for key, goods in r.verdicts.items()]]
            for word, r in self.rounds.items()
        }
        return json.dumps([rounds, self.over, self.heard], separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Unfinished":
        """Return what `to_json` wrote."""
        made = Unfinished()
        rounds, made.over, made.heard = json.loads(text)
        for word, (opened, receivers, verdicts) in rounds.items():
            made.rounds[word] = _Round(opened, {(seed, signal): g for seed, signal, g in verdicts}, receivers)
        return made


def tabulate(facts: Iterable[Fact], unfinished: Unfinished, pace: Pace) -> Sums:
    """Return what these facts add to the sums; `unfinished` is brought to their end."""
    sums: Sums = {}
    for fact in facts:
        at = fact.at.timestamp()
        if unfinished.rounds:
            for word in [w for w, r in unfinished.rounds.items() if at >= r.opened + pace.round_seconds]:
                _finish(word, unfinished, sums)
        if isinstance(fact, Notice):
            continue
        if fact.source is Source.PROBE:
            _watch(fact.provider, at, unfinished, pace, sums)
        if fact.confirmation or fact.outcome is Outcome.UNKNOWN:
            continue
        _count(fact, at, sums)
        if fact.round is not None and fact.seed is not None and fact.signal in COMPARED:
            _keep(fact, at, unfinished, sums)
    return sums


def _sum(sums: Sums, at: float, provider: str, other: str, receiver: str) -> Counter[str]:
    key = (int(at // HOUR_SECONDS), provider, other, receiver)
    found = sums.get(key)
    if found is None:
        found = sums[key] = Counter()
    return found


def _watch(provider: str, at: float, unfinished: Unfinished, pace: Pace, sums: Sums) -> None:
    before = unfinished.heard.get(provider)
    if before is not None and 0 < at - before <= pace.watch_seconds:
        _sum(sums, at, provider, "", "")["watched_ms"] += round(at * 1000) - round(before * 1000)
    unfinished.heard[provider] = at


def _count(o: Observation, at: float, sums: Sums) -> None:
    names = _counted(o)
    if not names:
        return
    into = _sum(sums, at, o.provider, "", o.receiver or "")
    for name in names:
        into[name] += o.count
    if o.signal is Signal.ARRIVAL and o.outcome is Outcome.GOOD and isinstance(o.value, int | float):
        into[f"{LATENCY}{bucket_of(o.value)}"] += o.count


def _counted(o: Observation) -> tuple[str, ...]:
    """Return the names of the counts that this observation belongs to."""
    good = o.outcome is Outcome.GOOD
    if (o.signal is Signal.LIVE) is not (o.source is Source.LOG) or (not good and not _compares(o)):
        return ()
    match o.signal:
        case Signal.ACCEPTANCE:
            names = ("submitted", "accepted")
        case Signal.SESSION:
            names = ("sessions", "sessions_passed")
        case Signal.LIVE:
            names = ("live", "live_taken")
        case Signal.AUTHENTICATION:
            names = ("checked", "authenticated")
        case Signal.ARRIVAL:
            return ("awaited",) if good else ("awaited", "missing")
        case Signal.LATENCY:
            return ("timed",) if good else ("timed", "late")
        case Signal.PLACEMENT:
            if o.value == _SPAM or (o.value is None and not good):
                return ("placed", "spam")
            return ("placed", "inbox") if good else ("placed",)
    return names if good else names[:1]


def _compares(failure: Observation) -> bool:
    """Return whether this failure may say something of the provider, by its category."""
    return failure.signal not in (Signal.ACCEPTANCE, Signal.SESSION, Signal.LIVE) or blame(failure) not in _OURS


def _keep(o: Observation, at: float, unfinished: Unfinished, sums: Sums) -> None:
    word, seed = o.round or "", o.seed or ""
    if word in unfinished.over or (o.outcome is Outcome.BAD and not _compares(o)):
        return
    found = unfinished.rounds.get(word)
    if found is None:
        if len(unfinished.rounds) >= _MOST_ROUNDS:
            _finish(next(iter(unfinished.rounds)), unfinished, sums)
        found = unfinished.rounds[word] = _Round(at)
    found.receivers.setdefault(seed, o.receiver or "")
    found.verdicts.setdefault((seed, str(o.signal)), {})[o.provider] = o.outcome is Outcome.GOOD


def _finish(word: str, unfinished: Unfinished, sums: Sums) -> None:
    over = unfinished.rounds.pop(word)
    unfinished.over = [*unfinished.over, word][-_REMEMBERED:]
    for signal in COMPARED:
        pairs: dict[tuple[str, str], dict[str, tuple[int, int, int]]] = {}
        for (seed, of), goods in over.verdicts.items():
            if of == signal:
                for first, second in combinations(sorted(goods), 2):
                    by_receiver = pairs.setdefault((first, second), {})
                    for receiver in {ANY_RECEIVER, over.receivers[seed] or ANY_RECEIVER}:
                        n, one, other = by_receiver.get(receiver, (0, 0, 0))
                        one += goods[first] and not goods[second]
                        other += goods[second] and not goods[first]
                        by_receiver[receiver] = (n + 1, one, other)
        for (first, second), by_receiver in pairs.items():
            for receiver, (n, one, other) in by_receiver.items():
                into = _sum(sums, over.opened, first, second, receiver)
                into.update(
                    {
                        f"{signal}:rounds": 1,
                        f"{signal}:first": int(one > other),
                        f"{signal}:second": int(other > one),
                        f"{signal}:probes": n,
                        f"{signal}:only_first": one,
                        f"{signal}:only_second": other,
                    }
                )


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of two times taken together."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *(n for n in other if n not in one))}
