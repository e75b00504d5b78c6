"""Lines of Postfix's log as values: deliveries, and failures that Postfix got over by itself. Pure.

The reason at the end of a line is the relay's own text and may look like anything, so a line is read from
left to right and never searched. Formats: log_adhoc.c and smtp_trouble.c of Postfix, seen with 3.7.11;
`tls=` comes with 3.11. With a list of nexthops a failure of any but the last leaves only an information
line without `status=`: that is the one trace of a provider whose mail another one then took.
"""

import re
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

_STAMP_3164 = re.compile(r"([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.\d+)? ")
_STAMP_3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) ")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HEAD = re.compile(r"(?:\S+ )?([^\s\[\]:]+)\[(\d{1,10})\]: (?:\[ID \d{1,10} [\w.]{1,40}\] )?")  # the last: Solaris
_QUEUE_ID = re.compile(r"([0-9A-Za-z]{5,32}): ")
_NOT_QUEUE_IDS = frozenset({"warning", "error", "fatal", "panic", "statistics", "NOQUEUE"})
_ADDRESS = r'(?:<(?:"(?:[^"\\]|\\.)*"|[^<>"])*>|[^\s,<>"]+)'
_RECIPIENT = re.compile(rf"to=({_ADDRESS})(?:, orig_to={_ADDRESS})?")
_FIELD = re.compile(r", ([a-z_]+)=([^,]*)")
_STATUS = re.compile(r", status=([a-z-]+)(?: \((.*))?", re.DOTALL)
_RELAY = re.compile(r"([^\s\[\]]+)\[([^\[\]]*)\](?::(\d{1,5}))?")
_CONNECT = re.compile(r"connect to [^\s\[\]]+\[[^\[\]]*\]:\d{1,5}: ")
# What smtp(8) says when a server that is not the last one fails before or while taking a message.
_SOFT = re.compile(
    r"host [^\s\[\]]+\[[^\[\]]*\](?::\d+)? (?:said|refused to talk to me): "
    r"|lost connection with [^\s\[\]]+\["
    r"|conversation with [^\s\[\]]+\[[^\[\]]*\](?::\d+)? timed out"
    r"|SASL authentication failed; (?:server|cannot authenticate to server) [^\s\[\]]+\["
    r"|TLS is required, but "
    r"|Cannot start TLS: "
    r"|Server certificate not (?:trusted|verified)"
)
_LONGEST_LINE = 16384
_CLIENT = frozenset({"smtp"})
# The daemons that write delivery rows; retry(8) is error(8) by another name.
AGENTS = _CLIENT | {"lmtp", "local", "virtual", "pipe", "error", "retry", "discard"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One recipient's delivery row."""

    at: datetime
    service: str  # syslog name, free-form: "postfix/relay-mailgun/smtp"
    pid: int
    queue_id: str
    recipient_domain: str | None  # lower case; the local part is not kept
    relay: str  # as logged: "a.test[192.0.2.1]:25", "mx1[private/lmtp]", "local", "none"
    relay_host: str | None  # none: no session existed, or none with a host
    relay_address: str | None
    relay_port: int | None
    conn_use: int  # above 1: the connection was reused, so delays.c is about 0
    delays_seconds: tuple[float, float, float, float] | None  # before qmgr, in qmgr, connection set-up, transmission
    dsn: str | None
    status: str  # sent, deferred, bounced, expired, …
    reason: str = field(repr=False)  # the relay's text, which may hold addresses: never stored as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftFailure:
    """One server failed, and Postfix went on to the next one or to the end of its list."""

    at: datetime
    service: str
    pid: int
    queue_id: str | None  # none for a connection that was not made
    reason: str = field(repr=False)


def parse_line(
    line: str, *, now: datetime, zone: tzinfo | None = None, agents: Set[str] = _CLIENT
) -> Delivery | SoftFailure | None:
    """Return what this log line tells about a delivery by one of these daemons, or none.

    `now` supplies the year that RFC 3164 stamps lack and `zone` their time zone; none means this machine's.
    """
    if len(line) > _LONGEST_LINE:
        return None
    stamp = _read_stamp(line, now, zone)
    if stamp is None:
        return None
    at, position = stamp
    head = _HEAD.match(line, position)
    if head is None:
        return None
    service, pid, message = head[1], int(head[2]), line[head.end() :].rstrip("\r\n")
    if service.rpartition("/")[2] not in agents:
        return None
    if _CONNECT.match(message):
        return SoftFailure(at=at, service=service, pid=pid, queue_id=None, reason=message)
    queued = _QUEUE_ID.match(message)
    if queued is None or queued[1] in _NOT_QUEUE_IDS:
        return None
    rest = message[queued.end() :]
    if _SOFT.match(rest):
        return SoftFailure(at=at, service=service, pid=pid, queue_id=queued[1], reason=rest)
    return _read_delivery(rest, at=at, service=service, pid=pid, queue_id=queued[1])


def _read_delivery(text: str, *, at: datetime, service: str, pid: int, queue_id: str) -> Delivery | None:
    recipient = _RECIPIENT.match(text)
    if recipient is None:
        return None
    position = recipient.end()
    fields: dict[str, str] = {}
    while (status := _STATUS.match(text, position)) is None:
        found = _FIELD.match(text, position)
        if found is None:
            return None
        fields[found[1]] = found[2]
        position = found.end()
    relay = _RELAY.fullmatch(fields.get("relay", ""))
    reason = status[2] or ""
    return Delivery(
        at=at,
        service=service,
        pid=pid,
        queue_id=queue_id,
        recipient_domain=_domain(recipient[1]),
        relay=fields.get("relay", ""),
        relay_host=relay[1].lower() if relay else None,
        relay_address=relay[2] if relay else None,
        relay_port=int(relay[3]) if relay and relay[3] else None,
        conn_use=int(fields["conn_use"]) if fields.get("conn_use", "").isdecimal() else 1,
        delays_seconds=_delays(fields.get("delays", "")),
        dsn=fields.get("dsn"),
        status=status[1],
        reason=reason.removesuffix(")"),  # absent when the system log cut the line
    )


def _domain(address: str) -> str | None:
    return address.strip("<>").rpartition("@")[2].lower() or None if "@" in address else None


def _delays(text: str) -> tuple[float, float, float, float] | None:
    try:
        before, queued, connecting, sending = (float(part) for part in text.split("/"))
    except ValueError:
        return None
    return before, queued, connecting, sending


def _read_stamp(line: str, now: datetime, zone: tzinfo | None) -> tuple[datetime, int] | None:
    """Return the time (UTC) at the start of the line, and where the rest begins."""
    if found := _STAMP_3339.match(line):
        try:
            return datetime.fromisoformat(found[1]).astimezone(UTC), found.end()
        except (ValueError, OverflowError):
            return None
    found = _STAMP_3164.match(line)
    if found is None or found[1] not in _MONTHS:
        return None
    month, day, hour, minute, second = _MONTHS.index(found[1]) + 1, *(int(part) for part in found.groups()[1:])
    local = zone or now.astimezone().tzinfo
    for year in range(now.year + 1, now.year - 9, -1):  # the last year in which that day was not in the future
        try:
            at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=local).astimezone(UTC)
        except (ValueError, OverflowError):
            continue  # 29 February, or no time at all
        if at <= now + timedelta(days=1):
            return at, found.end()
    return None
