"""Delays in buckets of equal relative width: percentiles within 1 % from a few hundred numbers. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterable

_WIDTH = math.log(1.02)
_LEAST_SECONDS = 0.001  # Postfix logs nothing below 0.01 but 0
_MOST_SECONDS = 1e7


def bucket_of(seconds: float) -> int:
    """Return the bucket of a delay; 0 is for no time at all."""
    if not seconds >= _LEAST_SECONDS:  # not a number included
        return 0
    return 1 + int(math.log(min(seconds, _MOST_SECONDS) / _LEAST_SECONDS) / _WIDTH)


def seconds_in(bucket: int) -> float:
    """Return the delay in the middle of a bucket."""
    return _LEAST_SECONDS * math.exp((bucket - 0.5) * _WIDTH) if bucket else 0.0


class DelayHistogram:
    """How many delays fell into each bucket. Callers in a hurry add to `counts` themselves."""

    __slots__ = ("counts",)

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self.counts: defaultdict[int, int] = defaultdict(int)
        for bucket, count in counts:
            self.counts[bucket] += count

    @property
    def n(self) -> int:
        """Return how many delays were counted."""
        return sum(self.counts.values())

    def percentile(self, percent: float) -> float | None:
        """Return the delay that this share of all did not exceed (nearest rank), in seconds; none without any."""
        rank = max(1, math.ceil(self.n * percent / 100))
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return seconds_in(bucket)
        return None
