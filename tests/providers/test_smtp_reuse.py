"""Sessions used again: only when asked for, within their limits, and a dead one is replaced before anything is sent."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from providers.base import SubmissionStatus
from providers.failure import Stage
from providers.smtp_channel import SmtpChannel
from providers.smtp_reuse import Reuse
from service.clock import SystemClock
from tests.providers.conftest import MESSAGE
from tests.providers.relay import CLOSE, GARBAGE, HANG, Relay

pytestmark = pytest.mark.anyio
ACCEPTED = SubmissionStatus.ACCEPTED


class Clock(SystemClock):
    """The clock, put forward by hand."""

    ahead = 0.0

    def monotonic(self):
        return super().monotonic() + self.ahead


@asynccontextmanager
async def at_relay(world, reuse, *, clock=None, answers=None):
    async with Relay(tls_context=world.server_context(), answers=answers or {}).running() as relay:
        settings = world.settings("smtp", relay.port)
        channel = SmtpChannel(
            "relay",
            settings.endpoint(),
            clock=clock or world.clock,
            stage_timeout_seconds=0.5,
            total_timeout_seconds=20,
            login=settings.login(None),
            reuse=reuse,
        )
        yield relay, channel
        await channel.aclose()


async def test_a_session_carries_several_messages_with_rset_between(world):
    async with at_relay(world, Reuse()) as (relay, channel):
        found = [await channel.submit(MESSAGE) for _ in range(3)]
        await channel.aclose()
    assert [one.status for one in found] == [ACCEPTED] * 3
    assert relay.verbs == [
        *("EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"),
        *("RSET", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA", "QUIT"),
    ]
    assert len(relay.messages) == 3


async def test_without_being_asked_no_session_is_used_again(world):
    async with at_relay(world, None) as (relay, channel):
        for _ in range(2):
            await channel.submit(MESSAGE)
    assert relay.verbs.count("EHLO") == 4
    assert "RSET" not in relay.verbs


async def test_a_check_has_a_connection_of_its_own(world):
    async with at_relay(world, Reuse()) as (relay, channel):
        await channel.submit(MESSAGE)
        checked = await channel.check_session("a@example.org", "b@example.net")
    assert Stage.CONNECT in checked.stage_seconds
    assert relay.verbs.count("AUTH") == 2


async def test_a_session_ends_after_its_share_of_messages(world):
    async with at_relay(world, Reuse(max_messages=2)) as (relay, channel):
        for _ in range(4):
            await channel.submit(MESSAGE)
    assert relay.verbs.count("AUTH") == 2


async def test_one_that_has_waited_too_long_is_not_used(world):
    clock = Clock()
    async with at_relay(world, Reuse(max_idle_seconds=5), clock=clock) as (relay, channel):
        await channel.submit(MESSAGE)
        clock.ahead += 6
        await channel.submit(MESSAGE)
    assert relay.verbs.count("AUTH") == 2
    assert "RSET" not in relay.verbs


@pytest.mark.parametrize("answer", [CLOSE, GARBAGE, HANG, "421 4.4.2 idle too long", "500 what?"])
async def test_a_dead_session_is_replaced_once(world, answer):
    async with at_relay(world, Reuse(), answers={"rset": answer}) as (relay, channel):
        found = [await channel.submit(MESSAGE) for _ in range(2)]
    assert [one.status for one in found] == [ACCEPTED] * 2
    assert relay.verbs.count("AUTH") == 2
    assert Stage.CONNECT in found[1].stage_seconds


async def test_one_that_the_relay_has_closed_meanwhile_is_replaced(world):
    async with at_relay(world, Reuse()) as (relay, channel):
        await channel.submit(MESSAGE)
        relay.accepted[0].transport.abort()
        while relay.open_connections:
            await asyncio.sleep(0.01)
        found = await channel.submit(MESSAGE)
    assert found.status is ACCEPTED
    assert len(relay.messages) == 2


async def test_a_refusal_ends_the_session_and_is_not_tried_again(world):
    async with at_relay(world, Reuse()) as (relay, channel):
        await channel.submit(MESSAGE)
        relay.answers["mail"] = "451 later"
        found = await channel.submit(MESSAGE)
        assert (found.status, found.failure.stage) == (SubmissionStatus.DEFERRED, Stage.MAIL)
        assert relay.verbs.count("MAIL") == 2
        del relay.answers["mail"]
        assert (await channel.submit(MESSAGE)).status is ACCEPTED
    assert relay.verbs.count("AUTH") == 2


async def test_many_at_once_keep_no_more_than_allowed(world):
    async with at_relay(world, Reuse(max_idle_sessions=2)) as (relay, channel):
        found = await asyncio.gather(*(channel.submit(MESSAGE) for _ in range(6)))
        assert {one.status for one in found} == {ACCEPTED}
        assert relay.verbs.count("QUIT") == 4
    assert len(relay.messages) == 6


async def test_closing_leaves_every_session(world):
    async with at_relay(world, Reuse()) as (relay, channel):
        await asyncio.gather(*(channel.submit(MESSAGE) for _ in range(3)))
        await channel.aclose()
        assert relay.verbs.count("QUIT") == 3
        await channel.aclose()


async def test_giving_up_while_a_session_is_tried_closes_it(world):
    async with at_relay(world, Reuse(), answers={"rset": HANG}) as (relay, channel):
        await channel.submit(MESSAGE)
        task = asyncio.create_task(channel.submit(MESSAGE))
        while "RSET" not in relay.verbs:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while relay.open_connections:
            await asyncio.sleep(0.01)
    assert len(relay.messages) == 1
