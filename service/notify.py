"""Tell the service manager how the daemon is doing, by the protocol of sd_notify(3)."""

import socket
from collections.abc import Mapping


class Notifier:
    """Sends state to the datagram socket that NOTIFY_SOCKET names; without an address it says nothing.

    A message that cannot be sent is dropped: mail does not depend on who listens.
    """

    def __init__(self, address: str | None) -> None:
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address

    def ready(self, status: str = "") -> bool:
        """Say that start-up, or a reload, is finished; return whether the message was taken."""
        return self._send("READY=1", *_status(status))

    def reloading(self, monotonic_seconds: float) -> bool:
        """Say that a reload has begun at this CLOCK_MONOTONIC time; `ready` ends it."""
        return self._send("RELOADING=1", f"MONOTONIC_USEC={int(monotonic_seconds * 1_000_000)}")

    def stopping(self, status: str = "") -> bool:
        """Say that the daemon is ending."""
        return self._send("STOPPING=1", *_status(status))

    def watchdog(self) -> bool:
        """Say that a cycle has been completed."""
        return self._send("WATCHDOG=1")

    def status(self, text: str) -> bool:
        """Show one line in `systemctl status`."""
        return self._send(*_status(text))

    def _send(self, *lines: str) -> bool:
        if not self._address or not lines:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            return False
        return True


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={' '.join(text.split())}",) if text else ()


def watchdog_seconds(environ: Mapping[str, str], pid: int) -> float | None:
    """Return within how many seconds the service manager wants to hear from us; none when it does not watch.

    Source: sd_watchdog_enabled(3), WATCHDOG_USEC and WATCHDOG_PID.
    """
    period, watched = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(pid))
    if not period.isdecimal() or int(period) == 0 or watched != str(pid):
        return None
    return int(period) / 1_000_000
