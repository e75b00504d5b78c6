"""Adapter for Mailgun (documentation.mailgun.com, "Send via SMTP" and "API reference").

Postfix hands mail over by SMTP, and so do probes. What belongs to a probe stands in its content, which is the same for
every provider: so by SMTP no X-Mailgun- header is added, and events tell of a probe by its Message-ID, which Mailgun
keeps. By the API the probe's token goes beside the content, and comes back in `user-variables`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from providers.base import Capabilities, Channel, Clock, Message, Submission
from providers.checkup import Checkup
from providers.delivery_event import DeliveryEvent, EventPage
from providers.domain_auth import DomainAuth
from providers.http_url import check_base_url
from providers.mailgun_replies import REPLIES
from providers.mailgun_webhook import MailgunWebhook
from providers.provider_stats import ProviderStats, Window
from providers.settings import Host, SmtpSettings
from providers.smtp_relay import SmtpRelay
from providers.suppression import Suppression, SuppressionPage
from providers.text_rules import TextRule

if TYPE_CHECKING:
    from providers.mailgun_account import MailgunAccount

_HOSTS = {"us": "smtp.mailgun.org", "eu": "smtp.eu.mailgun.org"}


class MailgunSettings(SmtpSettings):
    """[[provider]] with kind = "mailgun"."""

    kind: Literal["mailgun"] = Field(description="Mailgun.")
    region: Literal["us", "eu"] = Field("us", description="Where the domain is kept; sets host when host is absent.")
    username: str = Field(min_length=1, description='SMTP login, a full address: "postmaster@mg.example.org".')
    password: SecretStr = Field(description="SMTP password of that login, from a file or the environment.")
    domain: Host | None = Field(
        None, examples=["mg.example.org"], description="Sending domain at Mailgun. Absent: the domain of username."
    )
    api_key: SecretStr | None = Field(
        None,
        description="API key of the account, from a file or the environment. With it, events, statistics, suppressions "
        "and the state of the domain are read. Absent: none of them.",
    )
    sending_key: SecretStr | None = Field(
        None,
        description="Domain sending key, from a file or the environment; it can only hand over messages by the API. "
        "Absent: api_key does.",
    )
    webhook_signing_key: SecretStr | None = Field(
        None,
        description="HTTP webhook signing key, from a file or the environment; `check` compares it with the account's. "
        "The daemon takes no webhooks yet.",
    )
    api_url: str | None = Field(
        None, examples=["https://api.eu.mailgun.net"], description="Address of the API. Absent: that of the region."
    )
    events_from: Literal["events", "logs"] = Field(
        "events", description='Which of Mailgun\'s calls events are read by: "logs" is the newer, "events" the older.'
    )
    test_mode: bool = Field(
        False, description="Hand-overs by the API are accepted and charged, but not delivered. SMTP is not changed."
    )

    @field_validator("api_key", "sending_key", "webhook_signing_key")
    @classmethod
    def _one_line(cls, value: SecretStr | None) -> SecretStr | None:
        return cls._strip_line_end(value)

    @field_validator("api_url")
    @classmethod
    def _usable_address(cls, value: str | None) -> str | None:
        return None if value is None else check_base_url(value)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, table: Any) -> Any:
        if not isinstance(table, Mapping):
            return table
        host = _HOSTS.get(str(table.get("region", "us")), _HOSTS["us"])  # a wrong region is reported at its own field
        return {"host": host, **table}

    @model_validator(mode="after")
    def _domain_known(self) -> "MailgunSettings":
        if self.domain is None and "@" not in self.username and (self.api_key or self.sending_key):
            raise ValueError("username is no full address, so the sending domain is not known; add domain")
        return self

    def sending_domain(self) -> str:
        """Return the domain that messages are handed over for."""
        return (self.domain or self.username.rpartition("@")[2]).lower()


class MailgunProvider(SmtpRelay):
    """Mailgun by SMTP, and by its API where the settings hold a key for it."""

    kind: ClassVar[str] = "mailgun"
    settings_model: ClassVar[type[BaseModel]] = MailgunSettings
    capabilities: Capabilities = Capabilities(
        channels=(Channel.SMTP, Channel.API),
        max_message_bytes=25_000_000,  # the documented limit; EHLO offers 52428800 (seen 2023)
        events=True,
        webhook=True,
        stats=True,
        domain_auth=True,
        suppressions=True,
        suppress=True,
    )
    reply_rules: ClassVar[tuple[TextRule, ...]] = REPLIES

    def __init__(
        self, settings: MailgunSettings, *, clock: Clock, stage_timeout_seconds: float, total_timeout_seconds: float
    ) -> None:
        super().__init__(
            settings,
            clock=clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
        )
        self._settings = settings
        self._clock = clock
        self._stage_timeout_seconds = stage_timeout_seconds
        self._total_timeout_seconds = total_timeout_seconds
        self._made: MailgunAccount | None = None
        key = settings.webhook_signing_key
        self._webhook = None if key is None else MailgunWebhook(settings.name, key.get_secret_value())
        reads, sends = settings.api_key is not None, settings.sending_key is not None
        self.capabilities = replace(
            type(self).capabilities,
            channels=(Channel.SMTP, Channel.API) if reads or sends else (Channel.SMTP,),
            events=reads,
            webhook=key is not None,
            stats=reads,
            domain_auth=reads,
            suppressions=reads,
            suppress=reads,
        )

    async def submit(
        self, message: Message, channel: Channel = Channel.SMTP, deadline: float | None = None
    ) -> Submission:
        """Hand over one message by this channel."""
        if channel not in self.capabilities.channels:
            self._lacks(f"hand-over by {channel}")
        if channel is Channel.API:
            return await self._account().submit(message, deadline)
        return await super().submit(message, channel, deadline)

    async def check(self, sender: str) -> Checkup:
        """Return what SMTP tells, then what the API tells of keys, domain, records, queue and limit. Sends nothing."""
        by_smtp = await super().check(sender)
        return Checkup(provider=self.name, findings=(*by_smtp.findings, *await self._account().check(sender)))

    async def events(self, cursor: str | None = None) -> EventPage:
        """Return one page of events; late ones come too, and twice is possible."""
        return await self._reading("events", able=self.capabilities.events).events(cursor)

    def parse_webhook(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - Mailgun signs in the body
        raw_body: bytes,
        now: datetime,
    ) -> tuple[DeliveryEvent, ...]:
        """Return the event of one webhook request; the signature stands in the body, not in a header."""
        if self._webhook is None:
            self._lacks("webhooks")
        return self._webhook.parse(raw_body, now)

    async def stats(self, window: Window) -> ProviderStats:
        """Return what Mailgun counted in the whole hours around this window."""
        return await self._reading("statistics", able=self.capabilities.stats).stats(window)

    async def domain_auth(self, domain: str) -> DomainAuth:
        """Return state and DNS records of a domain of the account."""
        return await self._reading("the state of a domain", able=self.capabilities.domain_auth).domain_auth(domain)

    async def suppressions(self, address: str) -> tuple[Suppression, ...]:
        """Return which of the domain's three lists this address stands on."""
        return await self._reading("suppressions", able=self.capabilities.suppressions).suppressions(address)

    async def suppression_list(self, cursor: str | None = None) -> SuppressionPage:
        """Return a page of the three lists, one after the other; after the last it begins anew."""
        return await self._reading("suppressions", able=self.capabilities.suppressions).suppression_list(cursor)

    async def suppress(self, suppressions: Sequence[Suppression]) -> None:
        """Put these addresses on the lists of their kinds."""
        await self._reading("adding suppressions", able=self.capabilities.suppress).suppress(suppressions)

    def _reading(self, what: str, *, able: bool) -> "MailgunAccount":
        if not able:
            self._lacks(what)
        return self._account()

    def _account(self) -> "MailgunAccount":
        if self._made is None:
            # the HTTP library takes 75 ms and 3 MB: only who has a key pays for it, and only when it is used
            from providers.mailgun_account import make_account  # noqa: PLC0415

            self._made = make_account(
                self._settings,
                clock=self._clock,
                stage_timeout_seconds=self._stage_timeout_seconds,
                total_timeout_seconds=self._total_timeout_seconds,
                max_message_bytes=self.capabilities.max_message_bytes or 0,
            )
        return self._made
