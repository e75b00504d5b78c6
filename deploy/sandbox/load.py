"""Live mail at a steady rate through the sandbox's Postfix, to people at all receivers in turn."""

import contextlib
import smtplib
import threading
import time
from itertools import cycle
from types import TracebackType
from typing import Self

from deploy.sandbox.ledger import Ledger
from deploy.sandbox.people import LIVE_SENDER, live_users


class Load:
    """Sends in a thread of its own until stopped."""

    def __init__(self, ledger: Ledger, smtp_port: int, per_second: float) -> None:
        self.sent = 0
        self.refused = 0  # not taken by Postfix, hence not in the ledger
        self._ledger = ledger
        self._port = smtp_port
        self._interval = 1 / per_second
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live mail", daemon=True)

    def start(self) -> Self:
        """Start sending."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop, and return when the last message is in."""
        self._stopping.set()
        self._thread.join(30)

    def __enter__(self) -> Self:
        """Start sending."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _run(self) -> None:
        users = cycle(live_users())
        connection: smtplib.SMTP | None = None
        due = time.monotonic()
        while not self._stopping.is_set():
            try:
                connection = connection or smtplib.SMTP("127.0.0.1", self._port, timeout=20)
                number = self.sent + 1
                body = f"Hello,\n\nthis is message {number} of a steady stream.\n"
                self._ledger.inject(connection, LIVE_SENDER, next(users), f"Your order {number}", {}, body)
                self.sent += 1
            except (OSError, smtplib.SMTPException):
                self.refused += 1
                if connection:
                    connection.close()
                connection = None
            due = max(due + self._interval, time.monotonic() - 1)  # catch up at most a second
            self._stopping.wait(max(0.0, due - time.monotonic()))
        if connection:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.quit()
