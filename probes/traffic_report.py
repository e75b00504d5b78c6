"""What a log tells about mail traffic, as values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many recipients' rows of each fate; `expired` counts messages."""

    sent: int = 0
    deferred: int = 0
    suspended: int = 0
    bounced: int = 0
    expired: int = 0
    forwarded: int = 0
    verified: int = 0
    failed_over: int = 0

    @property
    def attempts(self) -> int:
        """Return how often a delivery was attempted to the end."""
        return self.sent + self.deferred + self.bounced


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Seconds from the start of the connection to the acceptance (c + d of Postfix's delays), within 1 %."""

    n: int
    p50_seconds: float
    p90_seconds: float
    p95_seconds: float
    p99_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was counted under one name; names that a full table had no room for share one."""

    name: str
    counts: Counts
    delays: Delays | None  # none: nothing was sent, or without delays
    is_rest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """What was counted in one hour of the log."""

    at: datetime  # its start, UTC
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number of different messages: exact, or where there are too many to remember within 2.5 %."""

    count: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficReport:
    """Everything that `relaypilot traffic` shows."""

    lines: int
    unreadable: int  # delivery rows cut short or in no known form, and lines without an end
    since: datetime | None
    until: datetime | None
    totals: Counts
    messages: Number  # that any row speaks of
    held_messages: Number  # deferred or suspended at least once
    taken_by_another_relay: int  # recipients sent through one relay after another one had failed
    taken_at_another_try: int  # the same relay took it, at another address or over another connection
    notifications: dict[str, int]  # messages that Postfix wrote to senders or the postmaster, by kind
    delays: Delays | None  # through relays and mail exchangers, not on this machine
    relays: tuple[Part, ...]
    receivers: tuple[Part, ...]
    statuses: tuple[Part, ...]  # enhanced status codes (dsn=)
    classes: tuple[Part, ...]  # of failures, by the providers' classifier
    hours: tuple[Hour, ...]
