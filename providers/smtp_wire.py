"""The bytes of one SMTP connection: aiosmtplib's protocol, able to read the replies to several commands in a row."""

import asyncio

from aiosmtplib.protocol import MAX_RESPONSE_LENGTH, SMTPProtocol
from aiosmtplib.response import SMTPResponse


class SmtpWire(SMTPProtocol):
    """One connection.

    aiosmtplib 5.1 throws away what arrives while a reply waits to be picked up, so replies that come in two
    segments after two pipelined commands would be lost. Here they are kept while more are expected.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(loop)
        self.expected = 0  # replies to pipelined commands that have not been read

    def write_together(self, *commands: bytes) -> None:
        """Send these commands at once (RFC 2920); their replies are read one by one with `read_expected`."""
        self._response_pending = True
        self.write(b"".join(command + b"\r\n" for command in commands))
        self.expected = len(commands)

    async def read_expected(self) -> SMTPResponse:
        """Return the reply to the next of the commands sent together."""
        waiter = self._response_waiter
        try:
            # a reply that came along with the one before it, even if the connection has been closed since
            if (waiter is None or not waiter.done()) and (ready := self._read_response_from_buffer()) is not None:
                return ready
            return await self.read_response()
        finally:
            self.expected -= 1
            self._response_pending = self.expected > 0

    def data_received(self, data: bytes) -> None:
        """Take what has arrived; what belongs to a later reply is kept."""
        waiter = self._response_waiter
        if self.expected > 1 and waiter is not None and waiter.done():
            if len(self._buffer) + len(data) <= MAX_RESPONSE_LENGTH:
                self._buffer.extend(data)
            return
        super().data_received(data)
