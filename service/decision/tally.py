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
    older, expired = (*tally.older, (tally.bucket, tally.bad, tally.total)), 0
    while expired < len(older) and older[expired][0] <= bucket - BUCKETS:
        expired += 1
    return Tally(bucket=bucket, bad=bad, total=total, older=older[expired:])


def read(tally: Tally, bucket: int) -> tuple[int, int]:
    """Return (bad, total) over the lifetime that ends in this bucket."""
    after = bucket - BUCKETS
    bad, total = (tally.bad, tally.total) if tally.bucket > after else (0, 0)
    for number, bad_then, total_then in tally.older:
        if number > after:
            bad, total = bad + bad_then, total + total_then
    return bad, total


def not_beyond(tally: Tally, bucket: int) -> Tally:
    """Return the tally with what was counted after this bucket, by a clock since set back, counted in it."""
    if tally.bucket <= bucket:
        return tally
    ahead = [entry for entry in tally.older if entry[0] >= bucket]
    return Tally(
        bucket=bucket,
        bad=tally.bad + sum(bad for _, bad, _ in ahead),
        total=tally.total + sum(total for _, _, total in ahead),
        older=tally.older[: len(tally.older) - len(ahead)],
    )
