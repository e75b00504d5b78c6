"""Counts of a log by name, however many names it holds. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from probes.delay_histogram import DelayHistogram


class Fate(IntEnum):
    """What a row says became of one recipient of one message; the place of its count in a tally."""

    SENT = 0  # accepted by the next server, or delivered on this machine
    DEFERRED = 1  # an attempt that failed for now
    SUSPENDED = 2  # the queue manager's back-off: no attempt was made
    BOUNCED = 3
    EXPIRED = 4  # given up after the longest time in the queue: one per message, not per recipient
    FORWARDED = 5  # handed to another message by local(8): that one's rows tell the rest
    VERIFIED = 6  # address verification: no mail
    FAILED_OVER = 7  # a server failed, and Postfix went on to the next one or to the end of its list


class Tally:
    """What was counted under one name."""

    __slots__ = ("counts", "delays")

    def __init__(self) -> None:
        self.counts = [0] * len(Fate)  # by Fate
        self.delays = DelayHistogram()  # of what was sent: connection set-up and transmission

    def take(self, other: "Tally") -> None:
        """Add what another tally holds."""
        self.counts = [own + its for own, its in zip(self.counts, other.counts, strict=True)]
        self.delays = DelayHistogram((*self.delays.counts.items(), *other.delays.counts.items()))


class Table:
    """Tallies by name. When it is full, names not seen before share one tally, so that memory stays bounded."""

    def __init__(self, most_names: int) -> None:
        self._most_names = most_names
        self.tallies: dict[str, Tally] = {}
        self.rest = Tally()

    def of(self, name: str) -> Tally:
        """Return the tally to count under."""
        tally = self.tallies.get(name)
        if tally is not None:
            return tally
        if len(self.tallies) >= self._most_names:
            return self.rest
        tally = self.tallies[name] = Tally()
        return tally

    def all(self) -> Iterable[Tally]:
        """Return every tally, the shared one as the last."""
        return (*self.tallies.values(), self.rest)


@dataclass(slots=True)
class Batch:
    """Sent rows that are counted alike, added up before they are spread over their tallies."""

    relay: str
    tallies: tuple[Tally, Tally, Tally, Tally]  # hour, relay, receiver, status
    sent: int = 0
    delays: defaultdict[bytes, int] = field(default_factory=lambda: defaultdict(int))  # by c/d as logged
