"""Recovery: the sequential test by which an alarm ends. Pure.

While an alarm stands, each cluster is weighed the other way round: by the likelihood of the healthy rate p0 over that
of the rate p1 that the alarm was for. A good cluster counts one, a bad one takes away as many as one bad result
outweighs good ones, a mixed one counts the mean. The count begins at zero and never falls below: so no failure
forbids recovery for ever, and one that belongs to the healthy rate costs some of the good clusters, not all of them.
The alarm ends when the likelihood ratio is at 1 / CHANCE, and not before as many good clusters as asked for.

How often that is wrong: under p1 the likelihood ratio of p0 over p1 is a martingale that begins at 1 and is never
negative, or falls short of one where a cluster's results depend on each other (see `evidence`); so the probability
that it ever reaches 1 / CHANCE is at most CHANCE (Wald 1945, "Sequential tests of statistical hypotheses"; Ville 1939).
That holds for each climb from zero of a provider that still fails at the rate tested, and the more so when it fails
more. One that fails for ever climbs again and again: the mean number of clusters until one climb ends the alarm is at
least 1 / CHANCE (Lorden 1971); exactly it is 53 to 1,802 with the banks of 2026-11.
"""

from functools import lru_cache
from math import ceil, log

from service.decision.calibration import Depth

CHANCE = 0.05  # that a climb ends an alarm although the provider still fails at the rate that the alarm was for
_ROUNDING = 1e-6  # the count is made of whole numbers that went through logarithms


@lru_cache(maxsize=4096)
def clusters_needed(depth: Depth, least: int) -> int:
    """Return how many good clusters end the alarm of this depth when none is bad; `least` or more."""
    return max(least, ceil(-log(CHANCE) / -depth.good))


def climbed(count: float, bad_ratio: float, depth: Depth) -> float:
    """Return the count after one more cluster of which this part was bad."""
    return max(0.0, count + (1 - bad_ratio) - bad_ratio * depth.bad / -depth.good)


def recovered(count: float, depth: Depth, least: int) -> bool:
    """Return whether the count suffices to end the alarm of this depth."""
    return count >= clusters_needed(depth, least) - _ROUNDING
