"""Has deferred mail tried again after a move; else it would wait up to maximal_backoff_time for its next try."""

import heapq
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from providers.base import Clock
from service.postfix.command import each_line, run
from service.postfix.errors import CommandFailedError
from service.postfix.installation import Installation

AT_ONCE = 500  # messages; a longer queue is not thrown whole at a relay that has just taken over
_LONGEST_SECONDS = 6.0  # a message takes 11 ms (Postfix 3.7.11, 2026-11); others wait for the root helper meanwhile
_CURSOR = re.compile(r"(?P<arrival>\d{1,12})-(?P<queue_id>[0-9A-Za-z]{1,32})-(?P<until>\d{1,12})")

Place = tuple[int, str]  # arrival time in seconds since the epoch, queue identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushed:
    """What one flush did."""

    deferred: int  # messages in the deferred queue, before
    tried: int  # of them, had tried now
    left: int  # of them, still to be tried by further flushes
    cursor: str | None  # to be given to the next flush; None: every message has been tried once


def flush(installation: Installation, clock: Clock, cursor: str = "", *, at_once: int = AT_ONCE) -> Flushed:
    """Have up to `at_once` deferred messages tried now, oldest first.

    Call again with the returned cursor for the rest of a longer queue. Each message is tried once: one that stays
    deferred does not keep the younger ones waiting, and what came after the first call is not this flush's matter.

    Raises:
        CommandError: Postfix's queue cannot be read (postqueue(1)).
    """
    after, until = _places(cursor)
    counts = _Counts()
    chosen = heapq.nsmallest(at_once, counts.wanted(_deferred(installation), after, until))
    if not chosen:
        return Flushed(deferred=counts.deferred, tried=0, left=0, cursor=None)
    if not cursor and counts.wanted_in_all <= at_once:
        _queue(installation, ["-f"])
        return Flushed(deferred=counts.deferred, tried=counts.wanted_in_all, left=0, cursor=None)
    give_up_at = clock.monotonic() + _LONGEST_SECONDS
    tried: list[Place] = []
    for place in chosen:
        try:
            _queue(installation, ["-i", place[1]])
        except CommandFailedError:
            if not tried:
                raise
            break  # Postfix stopped in the middle
        tried.append(place)
        if clock.monotonic() >= give_up_at:
            break
    left = counts.wanted_in_all - len(tried)
    last_arrival, last_id = tried[-1]
    further = f"{last_arrival}-{last_id}-{counts.newest if until is None else until}"
    return Flushed(deferred=counts.deferred, tried=len(tried), left=left, cursor=further if left else None)


def is_cursor(text: str) -> bool:
    """Return whether a text can be the cursor of an earlier flush."""
    return _CURSOR.fullmatch(text) is not None


class _Counts:
    """Counts the queue while it streams past, so that a long one is never held."""

    def __init__(self) -> None:
        self.deferred = 0
        self.wanted_in_all = 0
        self.newest = 0

    def wanted(self, places: Iterator[Place], after: Place | None, until: int | None) -> Iterator[Place]:
        """Yield the places within the bounds."""
        for place in places:
            self.deferred += 1
            if (after is None or place > after) and (until is None or place[0] <= until):
                self.wanted_in_all += 1
                self.newest = max(self.newest, place[0])
                yield place


def _places(cursor: str) -> tuple[Place | None, int | None]:
    found = _CURSOR.fullmatch(cursor)
    return ((int(found["arrival"]), found["queue_id"]), int(found["until"])) if found else (None, None)


def _deferred(installation: Installation) -> Iterator[Place]:
    """Yield the places of deferred messages, in no order.

    Raises:
        CommandError: Postfix's queue cannot be read.
    """
    lines = each_line("postqueue", ["-j"], config_dir=installation.config_dir, search_path=installation.search_path)
    for line in lines:
        if line.strip():
            entry = json.loads(line)
            if entry["queue_name"] == "deferred":
                yield int(entry["arrival_time"]), str(entry["queue_id"])


def _queue(installation: Installation, arguments: list[str]) -> None:
    run("postqueue", arguments, config_dir=installation.config_dir, search_path=installation.search_path)
