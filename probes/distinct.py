"""How many different names there were: exact for few, estimated in constant memory for many. Pure.

The estimate is a HyperLogLog sketch (Flajolet and others, 2007) read by Ertl's estimator ("New cardinality
estimation algorithms for HyperLogLog sketches", 2017, §4), which needs no correction tables.
"""

import math
from zlib import crc32

_INDEX_BITS = 14
_SIZE = 1 << _INDEX_BITS  # standard error 1.04 / sqrt(16384) = 0.8 %
_REST_BITS = 64 - _INDEX_BITS
_REST = (1 << _REST_BITS) - 1
_WORD = (1 << 64) - 1
_MOST_EXACT = 16384


class Distinct:
    """Counts different names. Whether the count is exact, `exact` tells."""

    def __init__(self) -> None:
        self._names: set[bytes] | None = set()
        self._registers = bytearray()

    def add(self, name: bytes) -> None:
        """Take up a name, seen before or not."""
        if self._names is None:
            self._estimate(name)
            return
        self._names.add(name)
        if len(self._names) > _MOST_EXACT:
            names, self._names = self._names, None
            self._registers = bytearray(_SIZE)
            for one in names:
                self._estimate(one)

    @property
    def exact(self) -> bool:
        """Return whether the count is no estimate."""
        return self._names is not None

    @property
    def count(self) -> int:
        """Return how many different names there were; within 2.5 % with 99.8 % confidence where not exact."""
        if self._names is not None:
            return len(self._names)
        most = _REST_BITS + 1
        ranks = [0] * (most + 1)
        for rank in self._registers:
            ranks[rank] += 1
        total = _SIZE * _tau(1 - ranks[most] / _SIZE)
        for rank in range(most - 1, 0, -1):
            total = 0.5 * (total + ranks[rank])
        total += _SIZE * _sigma(ranks[0] / _SIZE)
        return round(_SIZE * _SIZE / (2 * math.log(2) * total))

    def _estimate(self, name: bytes) -> None:
        # CRC-32 alone is linear, which queue ids that count upwards would show; multiplications mix it.
        mixed = crc32(name) * 0x9E3779B97F4A7C15 & _WORD
        mixed = (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93 & _WORD
        mixed ^= mixed >> 32
        rank = _REST_BITS + 1 - (mixed & _REST).bit_length()
        place = mixed >> _REST_BITS
        if self._registers[place] < rank:  # noqa: PLR1730 (`max` takes twice the time)
            self._registers[place] = rank


def _sigma(x: float) -> float:
    if x == 1:
        return math.inf
    y, total, before = 1.0, x, -1.0
    while total != before:
        x *= x
        before = total
        total += x * y
        y += y
    return total


def _tau(x: float) -> float:
    if x in (0, 1):
        return 0.0
    y, total, before = 1.0, 1 - x, -1.0
    while total != before:
        x = math.sqrt(x)
        before = total
        y *= 0.5
        total -= (1 - x) ** 2 * y
    return total / 3
