"""The thresholds of all sequential tests, from one setting: how many false moves a year are tolerated. Pure.

Only tests that can move mail share the budget: those of the active provider, every depth of every bank, and the
confirmations of hard faults (`burst`). The sum over them of 1 / (average run length) is at most
`false_moves_per_year`, by the union bound. Averaging the log-likelihoods within a cluster, as `evidence` does, only
lowers the rate (Jensen), whatever the dependence inside the cluster. Tests that only report (authentication) have a
budget of the same size of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from probes.observation import Signal
from service.decision.arl import average_run_length, steps_on_lattice, threshold_for
from service.decision.burst import CONFIRMATIONS_SHARE, YEAR_SECONDS, going_on, needed, suspicions_per_year
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER

LIVE_CLUSTER_SECONDS = 60
CONFIRMATION_CLUSTERS = 1.2  # suspicion adds one cluster to about one round in ten, and to two at the most
_LEVELS = 5
# How far on the way from the healthy rate to total failure each CUSUM of a bank looks, and its part of the bank's
# false alarms. Two suffice: at 2 % their mean delay at 10 to 50 % failures is at most 1.12 times that of the best
# single CUSUM of the same exact run length, for run lengths from 2e4 to 1e9 (2026-11); a third lengthens all delays.
DEPTHS = ((0.10, 1 / 3), (0.45, 2 / 3))
_RATES: Mapping[Signal, tuple[float, float]] = {  # healthy failure rate: floor, ceiling
    Signal.SESSION: (0.02, 0.10),
    Signal.ACCEPTANCE: (0.02, 0.10),
    Signal.LIVE: (0.02, 0.10),
    Signal.ARRIVAL: (0.02, 0.15),
    Signal.PLACEMENT: (0.05, 0.30),
    Signal.LATENCY: (0.05, 0.30),
    Signal.AUTHENTICATION: (0.02, 0.30),
}
_REPORTING = (Signal.AUTHENTICATION,)  # failed by our own DNS as easily: an alarm is told and moves nothing
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
    in_a_row: int = 0  # failures in a row that confirm a hard fault; 0: a CUSUM


@lru_cache(maxsize=16)
def calibrate(policy: Policy) -> Mapping[tuple[str, Signal], Bank]:
    """Return the bank of each (receiver, signal) that is tested; "*" pools all receivers."""
    tests = _tests(policy)
    reporting = [test for test in tests if test[1] in _REPORTING]
    moving = [test for test in tests if test[1] not in _REPORTING]
    shares = {test: (1 - CONFIRMATIONS_SHARE) * policy.false_moves_per_year / len(moving) for test in moving}
    shares |= {test: policy.false_moves_per_year / len(reporting) for test in reporting}
    rates = {test: _clusters_per_year(test, policy) for test in tests}
    return {test: _bank(test[1], rates[test], rates[test] / shares[test]) for test in tests}


def budget(policy: Policy) -> tuple[Share, ...]:
    """Return every test that can move mail with its threshold and its share of the false moves, at the floor.

    The last is the confirmations of hard faults, for a provider of which nothing is on record yet.
    """
    sequential = tuple(
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
        if signal not in _REPORTING
    )
    return (*sequential, _confirmations(policy))


def _confirmations(policy: Policy) -> Share:
    any_time = datetime.min.replace(tzinfo=UTC)
    further = needed(None, (), policy, any_time)
    false = suspicions_per_year(None, any_time) * going_on(None) ** further
    return Share(
        signal=Signal.SESSION,
        receiver=ANY_RECEIVER,
        in_a_row=1 + further,
        tested_rate=1.0,
        threshold=float(1 + further),
        run_length=_clusters_per_year((ANY_RECEIVER, Signal.SESSION), policy) / false,
        false_moves_per_year=false,
    )


def _tests(policy: Policy) -> list[tuple[str, Signal]]:
    tests = [(ANY_RECEIVER, signal) for signal in _RATES]
    by_receiver = (*PER_RECEIVER, *_REPORTING)
    return tests + [(receiver, signal) for receiver in policy.receivers for signal in by_receiver]


def _clusters_per_year(test: tuple[str, Signal], policy: Policy) -> float:
    receiver, signal = test
    if signal is Signal.SESSION:
        return YEAR_SECONDS / policy.session_interval_seconds
    if signal is Signal.LIVE:
        return YEAR_SECONDS / LIVE_CLUSTER_SECONDS
    rounds = YEAR_SECONDS / policy.round_interval_seconds * CONFIRMATION_CLUSTERS
    pooled = receiver == ANY_RECEIVER and signal is not Signal.ACCEPTANCE
    return rounds * max(1, len(policy.receivers)) if pooled else rounds


def _bank(signal: Signal, clusters_per_year: float, run_length: float) -> Bank:
    floor, ceiling = _RATES[signal]
    rates = tuple(floor * (ceiling / floor) ** (level / (_LEVELS - 1)) for level in range(_LEVELS))
    return Bank(
        signal=signal,
        rates=rates,
        levels=tuple(tuple(_depth(rate, depth, run_length / part) for depth, part in DEPTHS) for rate in rates),
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
