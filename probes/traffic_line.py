"""The lines of a log that traffic is counted from, picked out of bytes at the speed of a log. Pure.

`ROW` reads what nearly every delivery row looks like, from left to right as `probes.maillog` does, which reads the
others. Most lines are neither and are told by the daemon's name before the first bracket alone.
"""

import re
from enum import IntEnum


class Agent(IntEnum):
    """What kind of daemon speaks."""

    CLIENT = 0  # to a relay or mail exchanger
    LOCAL = 1  # to a mailbox, program or socket of this machine or its mail store
    ERROR = 2  # no delivery at all
    QUEUE = 3
    BOUNCE = 4


# By the last five bytes before "[pid]", which differ enough.
AGENT_ENDINGS: dict[bytes, Agent] = {
    b"/smtp": Agent.CLIENT,
    b"/lmtp": Agent.LOCAL,
    b"local": Agent.LOCAL,
    b"rtual": Agent.LOCAL,  # virtual
    b"/pipe": Agent.LOCAL,
    b"scard": Agent.LOCAL,  # discard
    b"error": Agent.ERROR,
    b"retry": Agent.ERROR,
    b"/qmgr": Agent.QUEUE,
    b"oqmgr": Agent.QUEUE,
    b"ounce": Agent.BOUNCE,
}

_HEAD = (
    rb"(?:<\d{1,3}>)?"  # priority, where syslog kept it
    rb"([A-Z][a-z]{2} {1,2}\d{1,2} \d\d|\d{4}-\d\d-\d\dT\d\d)"
    rb":[0-5]\d:[0-6]\d(?:[.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)? "
    rb"((?:\S+ )?[^\s\[\]:]+\[\d{1,10})\]: "
    rb"(?:\[ID \d{1,10} [\w.]{1,40}\] )?"  # Solaris
)
_QUEUE_ID = rb"([0-9A-Za-z]{5,32}): "
_SECONDS = rb"\d{1,9}(?:\.\d{1,9})?"
# Groups: hour, offset, process.
HEAD = re.compile(_HEAD)
# Groups: those of HEAD, queue id, recipient domain, relay, delays, delays c and d, dsn, status, reason.
ROW = re.compile(
    _HEAD
    + _QUEUE_ID
    + rb'to=<[^"<>@]*@([^"<>@]*)>(?:, orig_to=<[^"<>]*>)?, relay=([^,]*)(?:, conn_use=\d{1,9})?, delay='
    + _SECONDS
    + rb", delays=("
    + _SECONDS
    + rb"/"
    + _SECONDS
    + rb"/("
    + _SECONDS
    + rb"/"
    + _SECONDS
    + rb"))(?:, tls=[^,]*)?, dsn=([^,]*), status=([a-z-]+)(?: \((.*))?",
    re.DOTALL,
)
_ADDRESS = rb'<(?:"(?:[^"\\]|\\.)*"|[^<>"])*>'
# qmgr(8), once per message: "1A2B3C: from=<a@b.test>, status=expired, returned to sender".
EXPIRED = re.compile(_HEAD + _QUEUE_ID + rb"from=" + _ADDRESS + rb", status=(?:force-)?expired, returned to sender")
# bounce(8): "1A2B3C: sender non-delivery notification: 4D5E6F".
NOTIFIED = re.compile(_HEAD + _QUEUE_ID + rb"(sender|postmaster) (non-delivery|delay|delivery status) notification: ")
# smtp(8) with smtp_tls_loglevel = 1, one for every connection.
TLS_MADE = re.compile(_HEAD + rb"(?:Trusted|Untrusted|Verified|Anonymous) TLS connection (?:established|reused) ")
# Anything that should have been one of the above.
LIKE_A_ROW = re.compile(rb", status=|: to=<")
