"""How many results each way of detection needs to see a failure, at equal false alarms: exact, by Markov chains.

river's ADWIN and PageHinkley have no such chain: both are calibrated and measured by simulation, if river is there.
"""

import random
from functools import cache
from importlib.util import find_spec

from service.decision.arl import steps_on_lattice, threshold_for
from service.decision.calibration import DEPTHS
from tests.bench.chain import cusums, ewma, in_a_row, of_last
from tests.bench.figure import Figure

HEALTHY = 0.02
RATES = (0.5, 0.3, 0.2, 0.1)
HEALTHY_SPAM, SPAM_RATES = 0.05, (1.0, 0.5, 0.3, 0.2)
SPAM_RUN_LENGTH = 43_830  # one false alarm a year at 120 results a day
DEFAULT_RUN_LENGTH = 12_000_000  # of the test of session checks at the default policy, about
MOST_RATIO = 1.15
SIMULATED_RUN_LENGTH, SETTLED = 5_000, 1_000
EWMA_WEIGHTS = (0.05, 0.1, 0.2)


def measure(runs=60, singles=True):
    rows = {"3 in a row": in_a_row(3), "5 in a row": in_a_row(5), "3 of 5": of_last(3, 5)}
    lengths = {name: chain.mean(HEALTHY) for name, chain in rows.items()}
    alike = bank(HEALTHY, lengths["3 in a row"]).mean(HEALTHY)
    for weight in EWMA_WEIGHTS:
        rows[f"EWMA {weight:g}"] = _ewma_at(weight, alike)
        lengths[f"EWMA {weight:g}"] = rows[f"EWMA {weight:g}"].mean(HEALTHY, 1e-5)
    figures = []
    for name, chain in rows.items():
        delays = {rate: chain.mean(rate) for rate in RATES}
        equal = (
            alike if name.startswith("EWMA") else lengths[name]
        )  # EWMA was made for the bank's, others have their own
        figures += _beside(name, lengths[name], delays, "exact", bank(HEALTHY, equal))
    if singles:
        for length in (lengths["3 of 5"], lengths["3 in a row"], DEFAULT_RUN_LENGTH):
            figures += _beside_best(HEALTHY, length, RATES)
        figures += _beside_best(HEALTHY_SPAM, SPAM_RUN_LENGTH, SPAM_RATES[1:])
    spam = bank(HEALTHY_SPAM, SPAM_RUN_LENGTH)
    figures += [
        Figure(
            name=f"probes until {rate:.0%} in spam is found",
            value=spam.mean(rate),
            unit="results",
            conditions=f"healthy spam rate {HEALTHY_SPAM:.0%}, exact ARL0 {spam.mean(HEALTHY_SPAM):,.0f}",
        )
        for rate in SPAM_RATES
    ]
    return figures + _river(runs)


def bank(healthy, run_length):
    """Return the bank whose exact joint run length is the least that is at least this long."""
    low, high = run_length / 4, run_length * 1.0
    for _ in range(12):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if _bank(healthy, middle).mean(healthy) < run_length else (low, middle)
    return _bank(healthy, high)


def _bank(healthy, union_run_length):
    ups = [steps_on_lattice(healthy, healthy + (1 - healthy) * depth)[0] for depth, _ in DEPTHS]
    thresholds = [
        threshold_for(healthy, up, union_run_length / part) for up, (_, part) in zip(ups, DEPTHS, strict=True)
    ]
    return _chain(tuple(ups), tuple(thresholds))


@cache
def _chain(ups, thresholds):
    return cusums(ups, thresholds)


@cache
def best_single(healthy, run_length, rate):
    """Return the least mean delay at this failure rate of any one CUSUM with at least this run length."""
    ups = {steps_on_lattice(healthy, healthy + (1 - healthy) * depth / 100)[0] for depth in range(3, 90)}
    return min(_chain((up,), (threshold_for(healthy, up, run_length),)).mean(rate) for up in ups)


def _beside_best(healthy, run_length, rates):
    one = bank(healthy, run_length)
    length = one.mean(healthy)
    return [
        Figure(
            name=f"bank beside the best single CUSUM at {rate:.0%}",
            value=one.mean(rate) / best_single(healthy, length, rate),
            unit="ratio",
            goal=MOST_RATIO,
            conditions=f"{one.mean(rate):.2f} results; healthy rate {healthy:.0%}, exact ARL0 {length:,.0f}",
        )
        for rate in rates
    ]


def _beside(name, run_length, delays, how, one):
    return [
        Figure(
            name=f"bank beside {name} at {rate:.0%}",
            value=one.mean(rate) / delay,
            unit="ratio",
            goal=1.0,
            conditions=f"{one.mean(rate):.2f} results beside {delay:.2f} ({how}); healthy rate {HEALTHY:.0%}, "
            f"ARL0 {one.mean(HEALTHY):,.0f} beside {run_length:,.0f}",
        )
        for rate, delay in delays.items()
    ]


def _ewma_at(weight, run_length):
    low, high = HEALTHY, 0.99
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if ewma(weight, middle).mean(HEALTHY, 1e-5) < run_length else (low, middle)
    return ewma(weight, high)


def _river(runs):
    if find_spec("river") is None:
        return []
    from river.drift import ADWIN, PageHinkley

    made = {
        "river ADWIN": (lambda knob: ADWIN(delta=10**-knob, clock=1, min_window_length=1, grace_period=1), 0.0, 6.0),
        "river PageHinkley": (lambda knob: PageHinkley(threshold=knob, delta=0.005, min_instances=1), 1.0, 40.0),
    }
    figures = []
    for name, (make, least, most) in made.items():
        low, high = least, most
        for _ in range(7):
            middle = (low + high) / 2
            long = _healthy_run(make, middle, runs) >= SIMULATED_RUN_LENGTH
            low, high = (low, middle) if long else (middle, high)
        length = _healthy_run(make, high, 2 * runs)
        delays = {rate: _simulated(make, high, rate, 2 * runs) for rate in RATES}
        figures += _beside(
            name, length, delays, f"simulated, {2 * runs} runs after {SETTLED} healthy results", bank(HEALTHY, length)
        )
    return figures


def _healthy_run(make, knob, runs):
    """Return the mean number of healthy results until a false alarm, those given up at ten times what is sought too."""
    total, alarms, chance = 0, 0, random.Random(1)
    for _ in range(runs):
        detector = make(knob)
        for _ in range(10 * SIMULATED_RUN_LENGTH):
            total += 1
            detector.update(int(chance.random() < HEALTHY))
            if detector.drift_detected:
                alarms += 1
                break
        if total > 4 * runs * SIMULATED_RUN_LENGTH:
            break
    return total / max(1, alarms)


def _simulated(make, knob, rate, runs):
    chance, delays = random.Random(2), []
    while len(delays) < runs:
        detector = make(knob)
        for _ in range(SETTLED):
            detector.update(int(chance.random() < HEALTHY))
            if detector.drift_detected:
                break
        else:
            count = 0
            while not detector.drift_detected and count < 100_000:
                count += 1
                detector.update(int(chance.random() < rate))
            delays.append(count)
    return sum(delays) / len(delays)
