"""How often a sequential test alarms though nothing is wrong: the exact average run length of a CUSUM. Pure.

The test walks on whole units: up `up_units` for a bad result, down one for a good one, never below zero,
alarm at `threshold_units`. So its average run length is the solution of a linear system that is solved
exactly, without simulation (Brook and Evans 1972, "An approach to the probability distribution of CUSUM
run length").
"""

from collections import deque
from functools import lru_cache
from math import log


def average_run_length(bad_rate: float, up_units: int, threshold_units: int) -> float:
    """Return the mean number of results until the alarm when each is bad with this probability.

    L(s) = 1 + p L(s + up) + q L(s - 1), with L = 0 from the threshold on and L(-1) = L(0). In differences
    d(s) = L(s - 1) - L(s) this is q d(s) = p (d(s + 1) + ... + d(s + up)) - 1: every d is a line in the
    unknown x = L(threshold - 1), followed downwards from the top without cancellation until d(0) = 0.
    """
    good_rate = 1 - bad_rate
    constants, slopes = deque([0.0], maxlen=up_units), deque([1.0], maxlen=up_units)
    constant_sum, slope_sum = 0.0, 1.0  # over all differences: the line of L(0)
    for _ in range(threshold_units - 1):
        constant, slope = (bad_rate * sum(constants) - 1) / good_rate, bad_rate * sum(slopes) / good_rate
        constants.append(constant)
        slopes.append(slope)
        constant_sum += constant
        slope_sum += slope
    x = (1 - bad_rate * sum(constants)) / (bad_rate * sum(slopes))
    return constant_sum + slope_sum * x


@lru_cache(maxsize=4096)
def threshold_for(bad_rate: float, up_units: int, run_length: float) -> int:
    """Return the least threshold, in units, whose average run length is at least this."""
    low, high = 0, 1
    while average_run_length(bad_rate, up_units, high) < run_length:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if average_run_length(bad_rate, up_units, middle) < run_length:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=4096)
def steps_on_lattice(healthy_rate: float, wanted_rate: float) -> tuple[int, float, float]:
    """Return (units up for a bad result, log-likelihood of one unit, the rate tested against).

    The rate tested against is the one nearest the wanted rate at which a bad result weighs a whole number
    of good ones: then the test walks on whole units and its average run length is exact.
    """
    up = max(1, round(_ratio(healthy_rate, wanted_rate)))
    low, high = healthy_rate * (1 + 1e-9), 1 - 1e-12
    for _ in range(200):  # the ratio falls as the rate tested against grows
        middle = (low + high) / 2
        if _ratio(healthy_rate, middle) > up:
            low = middle
        else:
            high = middle
    return up, log((1 - healthy_rate) / (1 - high)), high


def _ratio(healthy_rate: float, tested_rate: float) -> float:
    return log(tested_rate / healthy_rate) / log((1 - healthy_rate) / (1 - tested_rate))
