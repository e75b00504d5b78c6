"""Reasons of a log's failures: their class, and the server they name, at the speed of a log. Pure.

The classifier takes 70 µs for a reply; a log of deferrals repeats few replies with ever new addresses and ids. Those
are replaced first, so that what was classified once need not be again.
"""

import re
from datetime import datetime

from probes.log_reason import read_reason
from probes.traffic_names import printable

SUSPENDED = b"delivery temporarily suspended"  # back-off of Postfix's queue manager, not an attempt
_SUSPENDED_BEFORE = SUSPENDED + b": "
# Each can begin only where a word begins: a word of thousands of characters must not be tried from every one of them.
_ADDRESS = re.compile(rb"(?<![^\s<>])[^\s<>@]++@[^\s<>]*+")
# Queue ids, session ids, IP addresses; not codes such as "550-5.7.350".
_ID = re.compile(
    rb"(?<![0-9A-Za-z._=+/-])(?=[0-9A-Za-z._=+/-]{10})(?!\d{3}[ -]\d\.\d{1,3}\.)"
    rb"[A-Za-z._=+/-]*+\d[0-9A-Za-z._=+/-]*+"
)
_SERVER = re.compile(
    rb"(?:delivery temporarily suspended: )?"
    rb"(?:connect to|host|lost connection with|conversation with"
    rb"|SASL authentication failed; (?:server|cannot authenticate to server)"
    rb"|TLS is required, but was not offered by host) "
    rb"([^\s\[\]]+)\[[^\[\]]*\](:\d{1,5})?"
)
_MOST_REMEMBERED = 4096


class ReasonBook:
    """Classifies reasons, and remembers what it has classified."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._classes: dict[tuple[bytes, bytes | None], str] = {}

    def class_of(self, reason: bytes, dsn: bytes | None) -> str:
        """Return the category of a failure, as the providers' classifier has it."""
        if reason.startswith(_SUSPENDED_BEFORE):
            reason = reason[len(_SUSPENDED_BEFORE) :]
        if b"@" in reason:
            reason = _ADDRESS.sub(b"a@b", reason)
        key = (_ID.sub(b"0", reason), dsn)
        found = self._classes.get(key)
        if found is None:
            if len(self._classes) >= _MOST_REMEMBERED:
                self._classes.clear()
            found = self._classes[key] = self._classify(*key)
        return found

    def _classify(self, reason: bytes, dsn: bytes | None) -> str:
        read = read_reason(reason.decode("utf-8", "replace"), dsn=dsn.decode("ascii", "replace") if dsn else None)
        return read.classify(now=self._now).category.value


def server_in(reason: bytes) -> str | None:
    """Return the server that Postfix blames, as "host:port" or, where it names no port, "host"."""
    found = _SERVER.match(reason)
    return printable((found[1] + (found[2] or b"")).lower()) if found else None
