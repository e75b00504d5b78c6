"""One Mailgun account as the adapter uses it, made from its settings when first used; brings the HTTP library."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from providers.base import Clock, Message, Submission
from providers.checkup import Finding
from providers.delivery_event import EventPage
from providers.domain_auth import DomainAuth, DomainState
from providers.http import HttpApi
from providers.mailgun_api import MailgunApi
from providers.mailgun_checkup import check_account
from providers.mailgun_domain import read_domain
from providers.mailgun_lists import add_suppressions, find_suppressions, list_suppressions
from providers.mailgun_metrics import read_stats
from providers.mailgun_pull import EventSource, pull_events
from providers.provider_stats import ProviderStats, Window
from providers.suppression import Suppression, SuppressionPage

if TYPE_CHECKING:
    from providers.mailgun import MailgunSettings

URLS: Final = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}


class MailgunAccount:
    """What the adapter asks of the account and its sending domain."""

    def __init__(
        self,
        api: MailgunApi,
        *,
        elsewhere: MailgunApi | None,
        events_from: EventSource,
        webhook_signing_key: str | None,
    ) -> None:
        self._api = api
        self._elsewhere = elsewhere
        self._events_from = events_from
        self._webhook_signing_key = webhook_signing_key

    async def submit(self, message: Message, deadline: float | None) -> Submission:
        """Hand over one message."""
        return await self._api.submit(message, deadline)

    async def check(self, sender: str) -> tuple[Finding, ...]:
        """Return how the account stands for mail of this sender."""
        return await check_account(
            self._api, sender, elsewhere=self._elsewhere, webhook_signing_key=self._webhook_signing_key
        )

    async def events(self, cursor: str | None) -> EventPage:
        """Return one page of events."""
        return await pull_events(self._api, self._events_from, cursor)

    async def stats(self, window: Window) -> ProviderStats:
        """Return what Mailgun counted."""
        return await read_stats(self._api, window)

    async def domain_auth(self, domain: str) -> DomainAuth:
        """Return what Mailgun says of a domain, or, when it knows no such one, of its relative that mail goes out as.

        Mail of anna@example.org usually goes out as mg.example.org.
        """
        found = await read_domain(self._api, domain)
        own = self._api.domain
        related = f".{own}".endswith(f".{domain.lower()}") or f".{domain.lower()}".endswith(f".{own}")
        if found.state is DomainState.UNKNOWN and not found.records and related and domain.lower() != own:
            return await read_domain(self._api, own)
        return found

    async def suppressions(self, address: str) -> tuple[Suppression, ...]:
        """Return which lists this address stands on."""
        return await find_suppressions(self._api, address)

    async def suppression_list(self, cursor: str | None) -> SuppressionPage:
        """Return one page of the lists."""
        return await list_suppressions(self._api, cursor)

    async def suppress(self, suppressions: Sequence[Suppression]) -> None:
        """Put addresses on the lists."""
        await add_suppressions(self._api, suppressions)


def make_account(
    settings: "MailgunSettings",
    *,
    clock: Clock,
    stage_timeout_seconds: float,
    total_timeout_seconds: float,
    max_message_bytes: int,
) -> MailgunAccount:
    """Return the account that these settings have keys for."""
    secrets = [
        secret.get_secret_value()
        for secret in (settings.password, settings.api_key, settings.sending_key, settings.webhook_signing_key)
        if secret is not None
    ]

    def http(url: str, key: SecretStr | None) -> HttpApi | None:
        if key is None:
            return None
        return HttpApi(
            settings.name,
            url,
            ("api", key.get_secret_value()),
            clock=clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
            # ca_file is the SMTP relay's; Mailgun's own API is signed by an authority that systems know
            ca_file=settings.ca_file if settings.api_url else None,
            secrets=secrets,
        )

    def api(url: str) -> MailgunApi:
        reads, sends = http(url, settings.api_key), http(url, settings.sending_key)
        return MailgunApi(
            settings.name,
            settings.sending_domain(),
            reading=reads,
            sending=sends or reads,
            clock=clock,
            max_message_bytes=max_message_bytes,
            test_mode=settings.test_mode,
        )

    other = URLS["eu" if settings.region == "us" else "us"]
    key = settings.webhook_signing_key
    return MailgunAccount(
        api(settings.api_url or URLS[settings.region]),
        elsewhere=None if settings.api_url else api(other),
        events_from=settings.events_from,
        webhook_signing_key=None if key is None else key.get_secret_value(),
    )
