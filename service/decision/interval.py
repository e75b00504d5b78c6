"""A share with the interval that its true value lies in: for display, never to judge by. Pure.

Wilson, "Probable inference, the law of succession, and statistical inference", 1927: the interval of a
proportion that stays honest for few observations and near 0 and 1.
"""

from dataclasses import dataclass
from math import sqrt

_Z = 1.959964  # two-sided 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """k of n, with its 95 % Wilson interval; no bounds when n is 0."""

    k: int
    n: int
    low: float | None
    high: float | None


def wilson(k: int, n: int) -> Proportion:
    """Return k of n with its 95 % interval."""
    if n == 0:
        return Proportion(k=k, n=n, low=None, high=None)
    share, z2 = k / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Proportion(k=k, n=n, low=max(0.0, min(share, middle - half)), high=min(1.0, max(share, middle + half)))
