"""What a provider counted by itself over a time. Pure values; shown beside our own counts, never judged by."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of time, from `since` (included) to `until` (excluded), both aware."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStats:
    """Messages in that window; None where the provider does not count it."""

    window: Window  # as counted: providers round to hours or days
    accepted: int | None = None
    delivered: int | None = None
    deferred: int | None = None
    bounced: int | None = None
    blocked: int | None = None
    rejected: int | None = None  # dropped by the provider itself: suppressed, invalid
    complained: int | None = None
