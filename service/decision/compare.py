"""Compares providers: what share of the probes was accepted, reached the inbox, was late or lost. Pure.

Wilson, "Probable inference, the law of succession, and statistical inference", 1927: the interval of a
proportion that stays honest for few observations and near 0 and 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from probes.observation import Observation, Outcome, Signal, Source
from service.decision.attribution import Blame, blame
from service.decision.route import ANY_RECEIVER

_Z = 1.959964  # two-sided 95 %
SPAM = "spam"
_OURS = (Blame.SENDER, Blame.MESSAGE, Blame.RECIPIENT, Blame.LOCAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """k of n, with its 95 % Wilson interval; no bounds when n is 0."""

    k: int
    n: int
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a store counts for one provider at one receiver; latencies in seconds, in any order."""

    submitted: int = 0  # probes, without those refused for our message, recipient or configuration
    accepted: int = 0
    awaited: int = 0  # accepted probes whose arrival is known
    missing: int = 0
    placed: int = 0  # found, with a known folder
    inbox: int = 0
    spam: int = 0
    timed: int = 0  # found, with a known latency verdict
    late: int = 0
    sessions: int = 0
    sessions_passed: int = 0
    latencies: tuple[float, ...] = ()


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
    sessions: Proportion
    latency_p50_seconds: float | None
    latency_p95_seconds: float | None


def wilson(k: int, n: int) -> Proportion:
    """Return k of n with its 95 % interval."""
    if n == 0:
        return Proportion(k=k, n=n, low=None, high=None)
    share, z2 = k / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Proportion(k=k, n=n, low=max(0.0, min(share, middle - half)), high=min(1.0, max(share, middle + half)))


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the least value not under this share of them (nearest rank); none of none."""
    ranked = sorted(values)
    return ranked[max(0, ceil(share * len(ranked)) - 1)] if ranked else None


def compare_counts(counts: Mapping[tuple[str, str], Counts]) -> tuple[Comparison, ...]:
    """Return the comparison of counts that a store has made, in their order."""
    return tuple(
        Comparison(
            provider=provider,
            receiver=receiver,
            acceptance=wilson(c.accepted, c.submitted),
            inbox=wilson(c.inbox, c.placed),
            spam=wilson(c.spam, c.placed),
            missing=wilson(c.missing, c.awaited),
            late=wilson(c.late, c.timed),
            sessions=wilson(c.sessions_passed, c.sessions),
            latency_p50_seconds=percentile(c.latencies, 0.5),
            latency_p95_seconds=percentile(c.latencies, 0.95),
        )
        for (provider, receiver), c in counts.items()
    )


def compare(
    observations: Iterable[Observation], providers: Sequence[str], receivers: Sequence[str] = ()
) -> tuple[Comparison, ...]:
    """Return the providers side by side over these observations, at each receiver and over all ("*") first."""
    return compare_counts(count(observations, providers, receivers))


def count(
    observations: Iterable[Observation], providers: Sequence[str], receivers: Sequence[str] = ()
) -> dict[tuple[str, str], Counts]:
    """Return the counts per provider and receiver; observations of other providers or receivers are left out.

    Failures that are not the provider's by their category are left out too, as they are for health.
    """
    sums: dict[tuple[str, str], dict[str, int]] = {(p, r): {} for p in providers for r in (ANY_RECEIVER, *receivers)}
    latencies: dict[tuple[str, str], list[float]] = {key: [] for key in sums}
    for o in observations:
        if o.source is Source.LOG or o.outcome is Outcome.UNKNOWN:
            continue
        for key in ((o.provider, ANY_RECEIVER), (o.provider, o.receiver or ANY_RECEIVER))[: 2 if o.receiver else 1]:
            if key in sums:
                for name in _counted(o):
                    sums[key][name] = sums[key].get(name, 0) + o.count
                if o.signal is Signal.LATENCY and isinstance(o.value, int | float):
                    latencies[key].append(float(o.value))
    return {key: Counts(**numbers, latencies=tuple(latencies[key])) for key, numbers in sums.items()}


def _counted(o: Observation) -> tuple[str, ...]:
    """Return the names of the counts that this observation belongs to."""
    good = o.outcome is Outcome.GOOD
    match o.signal:
        case Signal.ACCEPTANCE | Signal.SESSION:
            if not good and blame(o) in _OURS:
                return ()
            names = ("submitted", "accepted") if o.signal is Signal.ACCEPTANCE else ("sessions", "sessions_passed")
            return names if good else names[:1]
        case Signal.ARRIVAL:
            return ("awaited",) if good else ("awaited", "missing")
        case Signal.PLACEMENT:
            if o.value == SPAM or (o.value is None and not good):
                return ("placed", "spam")
            return ("placed", "inbox") if good else ("placed",)
        case Signal.LATENCY:
            return ("timed",) if good else ("timed", "late")
    return ()
