"""What the simulators cannot show: that the real services still answer as described. Sends no mail to anybody.

By the API messages are handed over in the provider's own test mode.
"""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from providers.base import Channel, Message
from providers.checkup import Verdict
from providers.provider_stats import Window
from service.clock import SystemClock

pytestmark = pytest.mark.anyio


async def test_a_session_is_let_in(provider, sender, recipient):
    found = await provider.check_session(sender, recipient)
    assert found.failure is None, found
    assert found.tls is not None


async def test_the_account_could_carry_the_mail(provider, sender):
    found = await provider.check(sender)
    assert found.worst in {Verdict.OK, Verdict.WARNING}, found


async def test_a_message_in_test_mode_is_taken(provider, sender, recipient):
    if Channel.API not in provider.capabilities.channels:
        found = await provider.check_session(sender, recipient)
    else:
        lines = (
            f"Date: {format_datetime(SystemClock().now())}",
            f"From: <{sender}>",
            f"To: <{recipient}>",
            "Subject: relaypilot live test",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=us-ascii",
            "",
            "Handed over in test mode.",
            "",
        )
        message = Message(sender=sender, recipient=recipient, content="\r\n".join(lines).encode())
        found = await provider.submit(message, Channel.API)
    assert found.failure is None, found


async def test_what_the_account_offers_can_be_read(provider, sender, recipient):
    able, now = provider.capabilities, SystemClock().now()
    if able.events:
        page = await provider.events()
        assert page.cursor
    if able.stats:
        await provider.stats(Window(since=now - timedelta(days=7), until=now))
    if able.domain_auth:
        await provider.domain_auth(sender.rpartition("@")[2])
    if able.suppressions:
        await provider.suppressions(recipient)
        await provider.suppression_list()
