"""Servers that failed before another one took the message, told apart by process. Pure.

One process of Postfix has one message in hand at a time. It logs the failure of every server but the last one on
a line of its own; a connection that was not made, the last one's included, even before it names the message.
"""

from dataclasses import dataclass, field

_MOST_PROCESSES = 2000
_MOST_FAILURES = 32


@dataclass(slots=True)
class Attempt:
    """What one process has met with since it took up its message."""

    queue_id: bytes | None = None  # none: not told yet
    failures: dict[tuple[str, str], None] = field(default_factory=dict)  # (relay, class), in order
    closed: bool = False  # a delivery row was seen


class Attempts:
    """The attempts in which something failed; the oldest are forgotten when there are too many."""

    def __init__(self) -> None:
        self.by_process: dict[bytes, Attempt] = {}

    def add(self, process: bytes, queue_id: bytes | None, relay: str, category: str) -> bool:
        """Take up a failure; return whether it is news, rather than another address or recipient."""
        attempt = self.by_process.get(process)
        if attempt is None or (attempt.closed if queue_id is None else attempt.queue_id not in {None, queue_id}):
            self.by_process.pop(process, None)
            while len(self.by_process) >= _MOST_PROCESSES:
                del self.by_process[next(iter(self.by_process))]
            attempt = self.by_process[process] = Attempt()
        attempt.queue_id = queue_id or attempt.queue_id
        if (relay, category) in attempt.failures or len(attempt.failures) >= _MOST_FAILURES:
            return False
        attempt.failures[relay, category] = None
        return True

    def close(self, process: bytes, queue_id: bytes) -> Attempt | None:
        """Return the attempt that a delivery row ends; none if nothing had failed in it."""
        attempt = self.by_process.get(process)
        if attempt is None:
            return None
        if attempt.queue_id not in {None, queue_id}:
            del self.by_process[process]
            return None
        attempt.queue_id = queue_id
        attempt.closed = True
        return attempt


def is_same_relay(relay: str, named: str) -> bool:
    """Return whether two names are one relay's; lines about failures often lack the port."""
    return relay == named or relay.rpartition(":")[0] == named
