"""What is done is not held up beyond its deadline by a relay that takes its time over the farewell."""

import asyncio

import pytest

from providers.base import Message, RelayEndpoint, SubmissionStatus, TlsMode
from providers.smtp_channel import SmtpChannel
from service.clock import SystemClock

pytestmark = pytest.mark.anyio
MESSAGE = Message(sender="a@example.org", recipient="b@example.net", content=b"From: a@example.org\r\n\r\nhi\r\n")
BEFORE_THE_CLIENT_WOULD_GIVE_UP_SECONDS = 0.8


@pytest.fixture
def anyio_backend():
    return "asyncio"


class JumpingClock(SystemClock):
    """The real time, and what is added to it."""

    added_seconds = 0.0

    def monotonic(self):
        return super().monotonic() + self.added_seconds


class LateRelay:
    """Takes the message as the deadline passes, and does not answer QUIT; `left` tells whether the client waited."""

    def __init__(self, clock):
        self.clock = clock
        self.left = asyncio.get_running_loop().create_future()

    async def __call__(self, reader, writer):
        writer.write(b"220 relay\r\n")
        while not (line := await reader.readline()).startswith(b"QUIT"):
            if line == b"DATA\r\n":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                self.clock.added_seconds = 60.0
            writer.write(b"250 ok\r\n")
        try:
            await asyncio.wait_for(reader.read(), BEFORE_THE_CLIENT_WOULD_GIVE_UP_SECONDS)
        except ConnectionError:
            pass
        except TimeoutError:
            self.left.set_result(False)
        if not self.left.done():
            self.left.set_result(True)
        writer.close()


async def test_the_farewell_is_not_waited_for_beyond_the_deadline():
    clock = JumpingClock()
    relay = LateRelay(clock)
    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        channel = SmtpChannel(
            "relay",
            RelayEndpoint(host="127.0.0.1", port=port, tls=TlsMode.NONE, server_name="relay"),
            clock=clock,
            stage_timeout_seconds=20,
            total_timeout_seconds=30,
        )
        found = await channel.submit(MESSAGE, deadline=clock.monotonic() + 20)
        assert found.status is SubmissionStatus.ACCEPTED
        assert await relay.left
