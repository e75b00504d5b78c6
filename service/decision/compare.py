"""Compares providers: what share of the probes was accepted, reached the inbox, was late; who differs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from math import ceil

from probes.observation import Signal
from service.decision.cost import Declared, messages_a_month
from service.decision.incident import Incident, Reliability, reliability
from service.decision.interval import Proportion, wilson
from service.decision.paired import COMPARED, Difference, PairCounts, difference
from service.decision.route import ANY_RECEIVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was counted of one provider at one receiver. Confirmations are not: suspicion asks in bad moments."""

    submitted: int = 0  # probes, without those refused for our message, recipient or configuration
    accepted: int = 0
    awaited: int = 0  # accepted probes whose arrival is known
    missing: int = 0
    placed: int = 0  # found, with a known folder
    inbox: int = 0
    spam: int = 0
    timed: int = 0  # found, with a known latency verdict
    late: int = 0
    checked: int = 0  # found, with known authentication
    authenticated: int = 0
    sessions: int = 0
    sessions_passed: int = 0
    live: int = 0  # live mail handed over, without what failed for message, sender or recipient
    live_taken: int = 0
    watched_ms: int = 0  # in which the provider was tried again and again
    latencies: Mapping[float, int] = field(default_factory=dict)  # seconds → probes that took so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a provider's mail costs at the volume of all measured live mail."""

    currency: str
    per_thousand: float
    a_month: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One provider at one receiver ("*": all)."""

    provider: str
    receiver: str
    acceptance: Proportion
    inbox: Proportion
    spam: Proportion
    missing: Proportion
    late: Proportion
    authentication: Proportion
    sessions: Proportion
    live: Proportion
    latency_p50_seconds: float | None
    latency_p90_seconds: float | None
    latency_p99_seconds: float | None
    reliability: Reliability
    price: Price | None
    declared: Declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """All providers side by side, and each pair."""

    since: datetime
    until: datetime
    rows: tuple[Comparison, ...]
    differences: tuple[Difference, ...]
    tests: int  # that are looked at together
    live_messages: int  # through all providers
    messages_a_month: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What a store has rolled up over one time."""

    since: datetime
    until: datetime
    counts: Mapping[tuple[str, str], Counts]  # (provider, receiver or "*")
    pairs: Mapping[tuple[str, str, str, Signal], PairCounts]  # (first, second, receiver or "*", signal)
    incidents: Sequence[Incident]


def percentile(values: Mapping[float, int], share: float) -> float | None:
    """Return the least value not under this share of all (nearest rank); none of none."""
    rank = max(1, ceil(share * sum(values.values()))) if values else 0
    for value in sorted(values):
        rank -= values[value]
        if rank <= 0:
            return value
    return None


def compare(
    records: Records,
    providers: Sequence[str],
    receivers: Sequence[str],
    declared: Mapping[str, Declared],
    only: str | None = None,
) -> Compared:
    """Return the providers side by side, over all receivers ("*") and at each; with `only`, at this one alone.

    How much is needed to call a difference real does not depend on what is looked at: all pairs, all signals and
    all receivers count as looked at together.
    """
    live = sum(records.counts.get((name, ANY_RECEIVER), Counts()).live_taken for name in providers)
    watched = max((records.counts.get((name, ANY_RECEIVER), Counts()).watched_ms for name in providers), default=0)
    volume = messages_a_month(live, watched / 1000)
    chosen = [only] if only is not None else [ANY_RECEIVER, *receivers]
    pairs = list(combinations(providers, 2))
    tests = len(pairs) * len(COMPARED) * (1 + len(receivers))
    return Compared(
        since=records.since,
        until=records.until,
        rows=tuple(
            _comparison(name, receiver, records, declared.get(name, Declared()), volume)
            for receiver in chosen
            for name in providers
        ),
        differences=tuple(
            difference(one, other, receiver, signal, _pair(records, one, other, receiver, signal), tests=tests)
            for receiver in chosen
            for one, other in pairs
            for signal in COMPARED
        ),
        tests=tests,
        live_messages=live,
        messages_a_month=volume,
    )


def _pair(records: Records, one: str, other: str, receiver: str, signal: Signal) -> PairCounts:
    """Return the counts of a pair, which are kept with its names in alphabetical order."""
    if one < other:
        return records.pairs.get((one, other, receiver, signal), PairCounts())
    turned = records.pairs.get((other, one, receiver, signal), PairCounts())
    return PairCounts(
        rounds=turned.rounds,
        first_better=turned.second_better,
        second_better=turned.first_better,
        probes=turned.probes,
        only_first=turned.only_second,
        only_second=turned.only_first,
    )


def _comparison(name: str, receiver: str, records: Records, declared: Declared, volume: float | None) -> Comparison:
    c = records.counts.get((name, receiver), Counts())
    watched = records.counts.get((name, ANY_RECEIVER), Counts()).watched_ms / 1000
    return Comparison(
        provider=name,
        receiver=receiver,
        acceptance=wilson(c.accepted, c.submitted),
        inbox=wilson(c.inbox, c.placed),
        spam=wilson(c.spam, c.placed),
        missing=wilson(c.missing, c.awaited),
        late=wilson(c.late, c.timed),
        authentication=wilson(c.authenticated, c.checked),
        sessions=wilson(c.sessions_passed, c.sessions),
        live=wilson(c.live_taken, c.live),
        latency_p50_seconds=percentile(c.latencies, 0.5),
        latency_p90_seconds=percentile(c.latencies, 0.9),
        latency_p99_seconds=percentile(c.latencies, 0.99),
        reliability=reliability(_of(records.incidents, name, receiver), watched, records.since, records.until),
        price=_price(declared, volume),
        declared=declared,
    )


def _of(incidents: Iterable[Incident], name: str, receiver: str) -> list[Incident]:
    return [i for i in incidents if i.provider == name and i.receiver == receiver]


def _price(declared: Declared, volume: float | None) -> Price | None:
    tariff = declared.tariff
    if tariff is None or volume is None:
        return None
    return Price(
        currency=tariff.currency,
        per_thousand=tariff.price_per_thousand(volume),
        a_month=tariff.a_month(volume),
    )
