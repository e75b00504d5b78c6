"""Names from a log, made fit to be shown. Pure.

A log holds what strangers sent: relays, resolvers, anybody who writes to the system log.
"""

import re

_SERVER = re.compile(rb"([^\s\[\]]+)\[([^\[\]]*)\](:\d{1,5})?")
_LONGEST = 100


def printable(name: bytes) -> str:
    """Return a name in one short line without control, format or invisible characters."""
    text = name.decode("utf-8", "replace").replace("\ufffd", "?")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def relay_name(logged: bytes) -> str:
    """Return a relay as "host:port"; a socket or a daemon of this machine under its own name."""
    found = _SERVER.fullmatch(logged)
    if found is None:
        return printable(logged)
    host, address, port = found.groups()
    if port is None and b"/" in address:  # lmtp(8) on a socket: "mx1[private/dovecot-lmtp]"
        return printable(address)
    return printable(host.lower() + (port or b""))
