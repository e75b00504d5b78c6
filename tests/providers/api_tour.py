"""Everything that an adapter asks of its provider's HTTP API, once, through its public methods."""

from datetime import UTC, datetime, timedelta

from deploy.sandbox.people import PROBE_SENDER, SENDING_DOMAIN
from providers.base import Channel, Message
from providers.provider_stats import Window
from providers.registry import load, make_provider
from providers.suppression import Suppression, SuppressionKind
from service.clock import SystemClock

SEED = "seed-1@gmail.test"
PERSON = "user-8@yahoo.test"
CONTENT = (
    f"From: Probe <{PROBE_SENDER}>\r\nTo: {SEED}\r\nSubject: a probe\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
    f"Message-ID: <tour@{SENDING_DOMAIN}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "Hello.\r\n"
).encode()


def adapter(kind, api_url, keys, **changes):
    """Return the adapter of this kind with an API at this address."""
    table = {
        "name": kind,
        "kind": kind,
        "host": "127.0.0.1",
        "port": 1,  # closed
        "password": "not used",
        "api_url": api_url,
        "api_key": keys["api_key"],
    }
    if kind == "mailgun":
        table |= {"username": f"postmaster@{SENDING_DOMAIN}", "domain": SENDING_DOMAIN}
    return make_provider(
        load(kind).settings_model(**table | changes),
        clock=SystemClock(),
        stage_timeout_seconds=10,
        total_timeout_seconds=30,
    )


class Tour:
    """What the adapter made of the answers."""

    async def take(self, provider, *, check=True):
        now = datetime.now(UTC)
        message = Message(sender=PROBE_SENDER, recipient=SEED, content=CONTENT, probe_id="tour-1")
        self.submission = await provider.submit(message, Channel.API)
        self.page = await provider.events()
        self.stats = await provider.stats(Window(since=now - timedelta(days=1), until=now))
        self.domain_auth = await provider.domain_auth(SENDING_DOMAIN)
        complaint = Suppression(address=PERSON, kind=SuppressionKind.UNSUBSCRIBE, at=now)
        await provider.suppress([complaint])
        self.suppressions = await provider.suppressions(PERSON)
        page = await provider.suppression_list()
        self.listed = list(page.items)
        while page.more:
            page = await provider.suppression_list(page.cursor)
            self.listed += page.items
        self.checkup = await provider.check(PROBE_SENDER) if check else None
        await provider.aclose()
        return self
