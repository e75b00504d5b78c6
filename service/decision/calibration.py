"""The thresholds of all sequential tests, from one setting: how many false moves a year are tolerated. Pure.

Only tests that can move mail share the budget: those of the active provider, every depth of every bank. The
sum over them of 1 / (average run length) is at most `false_moves_per_year`, by the union bound. Averaging the
log-likelihoods within a cluster, as `evidence` does, only lowers the rate (Jensen), whatever the dependence
inside the cluster. Consecutive confirmations of a hard fault are outside this budget: their false alarms
come from outages longer than the confirmations last, not from single failures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from probes.observation import Signal
from service.decision.arl import average_run_length, steps_on_lattice, threshold_for
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER

YEAR_SECONDS = 365.25 * 86400
LIVE_CLUSTER_SECONDS = 60
CONFIRMATION_SHARE = 1.2  # suspicion adds at most two rounds to about one round in ten
_LEVELS = 5
_DEPTHS = (0.10, 0.28, 0.75)  # of the way from the healthy rate to total failure
_RATES: Mapping[Signal, tuple[float, float]] = {  # healthy failure rate: floor, ceiling
    Signal.SESSION: (0.02, 0.10),
    Signal.ACCEPTANCE: (0.02, 0.10),
    Signal.LIVE: (0.02, 0.10),
    Signal.ARRIVAL: (0.02, 0.15),
    Signal.PLACEMENT: (0.05, 0.30),
    Signal.LATENCY: (0.05, 0.30),
}
PER_RECEIVER = (Signal.ARRIVAL, Signal.PLACEMENT, Signal.LATENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """One CUSUM of a bank: what a bad and a good result weigh, and where it alarms, in log-likelihood."""

    tested_rate: float
    bad: float  # positive
    good: float  # negative
    threshold: float
    run_length: float  # average clusters to a false alarm, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """The CUSUMs of one signal, for each level of the healthy rate."""

    signal: Signal
    rates: tuple[float, ...]  # healthy failure rate of each level
    levels: tuple[tuple[Depth, ...], ...]
    clusters_per_year: float

    def level_for(self, upper_bound_ratio: float) -> int:
        """Return the least level whose rate is not under this bound; the last one when all are."""
        return next((i for i, rate in enumerate(self.rates) if rate >= upper_bound_ratio), len(self.rates) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One test's part of the budget, for `explain --budget`."""

    signal: Signal
    receiver: str
    tested_rate: float
    threshold: float
    run_length: float
    false_moves_per_year: float


@lru_cache(maxsize=16)
def calibrate(policy: Policy) -> Mapping[tuple[str, Signal], Bank]:
    """Return the bank of each (receiver, signal) that is tested; "*" pools all receivers."""
    rates = {test: _clusters_per_year(test, policy) for test in _tests(policy)}
    share = policy.false_moves_per_year / (len(rates) * len(_DEPTHS))
    return {test: _bank(test[1], clusters, clusters / share) for test, clusters in rates.items()}


def budget(policy: Policy) -> tuple[Share, ...]:
    """Return every test that can move mail with its threshold and its share of the false moves, at the floor."""
    return tuple(
        Share(
            signal=signal,
            receiver=receiver,
            tested_rate=depth.tested_rate,
            threshold=depth.threshold,
            run_length=depth.run_length,
            false_moves_per_year=bank.clusters_per_year / depth.run_length,
        )
        for (receiver, signal), bank in calibrate(policy).items()
        for depth in bank.levels[0]
    )


def _tests(policy: Policy) -> list[tuple[str, Signal]]:
    tests = [(ANY_RECEIVER, signal) for signal in _RATES]
    return tests + [(receiver, signal) for receiver in policy.receivers for signal in PER_RECEIVER]


def _clusters_per_year(test: tuple[str, Signal], policy: Policy) -> float:
    receiver, signal = test
    if signal is Signal.SESSION:
        return YEAR_SECONDS / policy.session_interval_seconds
    if signal is Signal.LIVE:
        return YEAR_SECONDS / LIVE_CLUSTER_SECONDS
    rounds = YEAR_SECONDS / policy.round_interval_seconds * CONFIRMATION_SHARE
    pooled = receiver == ANY_RECEIVER and signal in PER_RECEIVER
    return rounds * max(1, len(policy.receivers)) if pooled else rounds


def _bank(signal: Signal, clusters_per_year: float, run_length: float) -> Bank:
    floor, ceiling = _RATES[signal]
    rates = tuple(floor * (ceiling / floor) ** (level / (_LEVELS - 1)) for level in range(_LEVELS))
    return Bank(
        signal=signal,
        rates=rates,
        levels=tuple(tuple(_depth(rate, depth, run_length) for depth in _DEPTHS) for rate in rates),
        clusters_per_year=clusters_per_year,
    )


def _depth(healthy_rate: float, depth: float, run_length: float) -> Depth:
    up, unit, tested_rate = steps_on_lattice(healthy_rate, healthy_rate + (1 - healthy_rate) * depth)
    threshold = threshold_for(healthy_rate, up, run_length)
    return Depth(
        tested_rate=tested_rate,
        bad=up * unit,
        good=-unit,
        threshold=threshold * unit * (1 - 1e-9),
        run_length=average_run_length(healthy_rate, up, threshold),
    )
