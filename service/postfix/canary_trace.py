"""What Postfix's log tells of one canary message."""

import re
import time
from dataclasses import dataclass

from probes.maillog import Delivery, SoftFailure, parse_line
from providers.base import Clock
from service.postfix.log_tail import LogTail

_POLL_SECONDS = 0.02
_RECORD = re.compile(r"[^\[]*\[\d+\]: (?P<queue_id>[0-9A-Za-z]+): (?P<rest>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The lines of one message, in the log's order."""

    failures: tuple[SoftFailure, ...] = ()  # of this message, before Postfix went on to the next nexthop
    unreached: tuple[SoftFailure, ...] = ()  # connections that were not made meanwhile, for whichever message
    delivery: Delivery | None = None
    local: bool = False  # it was delivered, but not by an SMTP client


def watch(tail: LogTail, message_id: str, give_up_at: float, clock: Clock) -> Trace:
    """Return what became of a message; without `delivery` and not `local`: nothing until `give_up_at`."""
    queue_ids: set[str] = set()
    failures: list[SoftFailure] = []
    unreached: list[SoftFailure] = []
    while True:
        for line in tail.lines():
            entry = parse_line(line, now=clock.now())
            if isinstance(entry, SoftFailure):
                if entry.queue_id is None:
                    unreached.append(entry)
                elif entry.queue_id in queue_ids:
                    failures.append(entry)
                continue
            record = _RECORD.match(line)
            if record is None:
                continue
            if record["rest"] == f"message-id={message_id}":
                queue_ids.add(record["queue_id"])
            elif record["queue_id"] in queue_ids and record["rest"].startswith("to=<"):
                return Trace(failures=tuple(failures), unreached=tuple(unreached), delivery=entry, local=entry is None)
        if clock.monotonic() >= give_up_at:
            return Trace(failures=tuple(failures), unreached=tuple(unreached))
        time.sleep(_POLL_SECONDS)
