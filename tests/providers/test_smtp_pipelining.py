"""MAIL and RCPT in one go (RFC 2920): replies in one segment, in many, too few, too many, and closed on the way."""

import asyncio
import contextlib

import pytest

from providers.base import SubmissionStatus
from providers.failure import Stage
from tests.providers.conftest import MESSAGE
from tests.providers.relay import Relay

pytestmark = pytest.mark.anyio
A, D, R, E = (
    SubmissionStatus.ACCEPTED,
    SubmissionStatus.DEFERRED,
    SubmissionStatus.REJECTED,
    SubmissionStatus.ERROR,
)


@contextlib.asynccontextmanager
async def scripted(chunks, *, close=False):
    """Give a relay that answers MAIL and RCPT together with these chunks, and what it was told."""
    told, tasks = [], set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await converse(reader, writer)
        finally:
            writer.transport.abort()

    async def converse(reader, writer):
        async def say(text):
            writer.write(text)
            await writer.drain()

        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await say(b"220 ready\r\n")
            while line := await reader.readline():
                told.append(line.decode().strip())
                verb = told[-1].split(" ")[0]
                if verb == "EHLO":
                    await say(b"250-relay\r\n250 PIPELINING\r\n")
                elif verb == "RCPT":
                    for chunk in chunks:
                        await say(chunk)
                        await asyncio.sleep(0.01)
                    if close:
                        break
                elif verb == "DATA":
                    await say(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    await say(b"250 Ok: queued as ABC123DEF\r\n")
                elif verb == "QUIT":
                    await say(b"221 bye\r\n")
            if close:
                writer.write_eof()
                await reader.read()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], told
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def provider(world, port, **more):
    return world.provider("smtp", port, tls="none", username=None, password=None, **more)


@pytest.mark.parametrize(
    "chunks",
    [
        [b"250 ok\r\n250 ok\r\n"],
        [b"250 ok\r\n", b"250 ok\r\n"],
        [b"250 ok\r\n25", b"0 ok\r\n"],
        [b"25", b"0 o", b"k\r\n2", b"50 ok\r", b"\n"],
        [b"250-2.1.0 one\r\n250 2.1.0 two\r\n250-2.1.5 three\r\n", b"250 2.1.5 four\r\n"],
        [bytes([byte]) for byte in b"250 ok\r\n250 ok\r\n"],
    ],
)
async def test_two_replies_are_told_apart_however_they_come(world, chunks):
    async with scripted(chunks) as (port, told):
        found = await provider(world, port).submit(MESSAGE)
    assert (found.status, found.provider_message_id) == (A, "ABC123DEF")
    assert [line.split(" ")[0] for line in told] == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert {Stage.MAIL, Stage.RCPT} <= set(found.stage_seconds)


@pytest.mark.parametrize(
    ("chunks", "stage", "status", "code"),
    [
        ([b"550 no\r\n503 first MAIL\r\n"], Stage.MAIL, R, 550),
        ([b"451 later\r\n", b"503 first MAIL\r\n"], Stage.MAIL, D, 451),
        ([b"250 ok\r\n550 5.1.1 unknown user\r\n"], Stage.RCPT, R, 550),
        ([b"250 ok\r\n", b"421 bye\r\n"], Stage.RCPT, D, 421),
        ([b"250 ok\r\nnonsense\r\n"], Stage.RCPT, E, None),
        ([b"nonsense\r\n250 ok\r\n"], Stage.MAIL, E, None),
    ],
)
async def test_the_stage_of_a_refusal_is_right(world, chunks, stage, status, code):
    async with scripted(chunks) as (port, told):
        found = await provider(world, port).submit(MESSAGE)
    assert (found.failure.stage, found.status, found.reply_code) == (stage, status, code)
    assert not [line for line in told if line.startswith("DATA")]
    if code is not None:
        assert told[-1] == "QUIT"  # in step: the reply to RCPT was read too


@pytest.mark.parametrize(
    ("chunks", "stage", "rule"),
    [
        ([], Stage.MAIL, "connection-lost"),
        ([b"250 ok\r\n"], Stage.RCPT, "connection-lost"),
        ([b"250 ok\r\n25"], Stage.RCPT, "connection-lost"),
    ],
)
async def test_a_closed_connection_is_noticed_at_its_stage(world, chunks, stage, rule):
    async with scripted(chunks, close=True) as (port, _):
        found = await provider(world, port).submit(MESSAGE)
    assert (found.failure.stage, found.failure.rule) == (stage, rule)


async def test_a_reply_that_came_before_the_end_counts(world):
    async with scripted([b"250 ok\r\n421 4.3.2 closing\r\n"], close=True) as (port, _):
        found = await provider(world, port).submit(MESSAGE)
    assert (found.failure.stage, found.reply_code) == (Stage.RCPT, 421)


async def test_a_missing_reply_is_a_time_out_at_rcpt(world):
    async with scripted([b"250 ok\r\n"]) as (port, _):
        found = await provider(world, port, stage_timeout_seconds=0.2).submit(MESSAGE)
    assert (found.failure.stage, found.failure.rule) == (Stage.RCPT, "time-out")


async def test_a_flood_between_two_replies_is_bounded(world):
    async with scripted([b"250 ok\r\n" + b"x" * 200_000 + b"\r\n" * 20_000]) as (port, _):
        found = await provider(world, port, stage_timeout_seconds=1.0).submit(MESSAGE)
    assert found.failure.stage in (Stage.MAIL, Stage.RCPT)
    assert len(found.text) < 1000


async def test_an_unfit_recipient_is_told_at_its_own_stage(world):
    async with scripted([b"250 ok\r\n"]) as (port, told):
        found = await provider(world, port, stage_timeout_seconds=0.3).check_session("a@example.org", "ü@example.net")
    assert found.failure.stage in (Stage.MAIL, Stage.RCPT)
    assert not [line for line in told if line.startswith("RCPT")]


async def test_without_the_offer_each_waits_for_its_answer(world):
    async with Relay(tls_context=world.server_context(), answers={"mail": "550 no"}).running() as relay:
        await world.provider("smtp", relay.port).submit(MESSAGE)
    assert "RCPT" not in relay.verbs
    offer = ("PIPELINING", "AUTH PLAIN")
    async with Relay(tls_context=world.server_context(), answers={"mail": "550 no"}, ehlo_tls=offer).running() as relay:
        await world.provider("smtp", relay.port).submit(MESSAGE)
    assert relay.verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "QUIT"]


@pytest.mark.parametrize("stage", ["auth", "data"])
async def test_nothing_is_sent_along_with_login_or_data(world, stage):
    offer = ("PIPELINING", "AUTH PLAIN")
    relay = Relay(tls_context=world.server_context(), answers={stage: "451 later"}, ehlo_tls=offer)
    async with relay.running():
        await world.provider("smtp", relay.port).submit(MESSAGE)
    assert relay.verbs[-2:] == [stage.upper(), "QUIT"]
