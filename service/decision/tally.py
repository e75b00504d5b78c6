"""Counts of good and bad over the evidence lifetime, in buckets, so that old evidence expires. Pure."""

from dataclasses import dataclass
from datetime import datetime

BUCKETS = 24  # in one evidence lifetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """k of n, the current bucket apart from the older ones."""

    bucket: int
    bad: int
    total: int
    older: tuple[tuple[int, int, int], ...] = ()  # (bucket, bad, total), oldest first


def bucket_of(at: datetime, lifetime_seconds: float) -> int:
    """Return the number of the bucket that holds this time."""
    return int(at.timestamp() * BUCKETS // lifetime_seconds)


def count(tally: Tally | None, bucket: int, bad: int, total: int) -> Tally:
    """Return the tally with these results added. A bucket before the current one is taken for the current one."""
    if tally is None:
        return Tally(bucket=bucket, bad=bad, total=total)
    if bucket <= tally.bucket:
        return Tally(bucket=tally.bucket, bad=tally.bad + bad, total=tally.total + total, older=tally.older)
    older = (*tally.older, (tally.bucket, tally.bad, tally.total))
    return Tally(bucket=bucket, bad=bad, total=total, older=tuple(b for b in older if b[0] > bucket - BUCKETS))


def read(tally: Tally, bucket: int) -> tuple[int, int]:
    """Return (bad, total) over the lifetime that ends in this bucket."""
    live = [b for b in (*tally.older, (tally.bucket, tally.bad, tally.total)) if b[0] > bucket - BUCKETS]
    return sum(b[1] for b in live), sum(b[2] for b in live)
