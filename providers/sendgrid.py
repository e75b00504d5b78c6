"""Adapter for SendGrid: SMTP, and the HTTP API beside it (docs.sendgrid.com, "SMTP" and "v3 API Reference").

What needs HTTP or cryptography is imported when first asked for: a daemon that only watches stays small.
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
from providers.provider_stats import ProviderStats, Window
from providers.sendgrid_key import plain_public_key
from providers.sendgrid_replies import REPLIES
from providers.sendgrid_smtpapi import NO_TRACKING, PROBE_ARGUMENT, smtpapi_header, with_smtpapi
from providers.settings import SmtpSettings
from providers.smtp_relay import SmtpRelay
from providers.suppression import Suppression, SuppressionPage
from providers.text_rules import TextRule

if TYPE_CHECKING:
    from providers.sendgrid_api import SendgridApi
    from providers.sendgrid_webhook import EventWebhook

_HOSTS = {"us": "smtp.sendgrid.net", "eu": "smtp.eu.sendgrid.net"}
_APIS = {"us": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}


class SendgridSettings(SmtpSettings):
    """[[provider]] with kind = "sendgrid"."""

    kind: Literal["sendgrid"] = Field(description="SendGrid.")
    region: Literal["us", "eu"] = Field("us", description="Where the account is kept; sets host when host is absent.")
    username: Literal["apikey"] = Field("apikey", description='Always the word "apikey".')
    password: SecretStr = Field(description="API key with Mail Send permission, from a file or the environment.")
    api_key: SecretStr | None = Field(
        None, description="Another key for the HTTP API, with permission to read. Absent: password, which is a key too."
    )
    api_url: str | None = Field(
        None,
        examples=["https://api.example.net"],
        description="Address of the HTTP API, for tests. Absent: SendGrid's, by region; none when host is another.",
    )
    webhook_public_key: str | None = Field(
        None,
        examples=[
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eN"
            "Ec6wEA3F+g=="
        ],
        description="Verification key of the Signed Event Webhook; `check` compares it with the account's. The daemon "
        "takes no webhooks yet.",
    )
    email_activity: bool = Field(
        default=False, description="Read events from Email Activity, a paid add-on, and not from Email Logs."
    )
    sandbox: bool = Field(
        default=False, description="Messages by the HTTP API are checked by SendGrid and never sent (sandbox mode)."
    )
    smtpapi: bool = Field(
        default=False,
        description="Give probes by SMTP the X-SMTPAPI field: tracking off, marked in events. They then differ from "
        "other providers' by it until SendGrid takes it off.",
    )

    @field_validator("api_key")
    @classmethod
    def _plain_key(cls, value: SecretStr | None) -> SecretStr | None:
        return cls._strip_line_end(value)

    @field_validator("api_url")
    @classmethod
    def _plain_url(cls, value: str | None) -> str | None:
        return None if value is None else check_base_url(value)

    @field_validator("webhook_public_key")
    @classmethod
    def _plain_public_key(cls, value: str | None) -> str | None:
        return None if value is None else plain_public_key(value)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, table: Any) -> Any:
        if not isinstance(table, Mapping):
            return table
        host = _HOSTS.get(str(table.get("region", "us")), _HOSTS["us"])  # a wrong region is reported at its own field
        return {"host": host, **table}

    def api(self) -> str | None:
        """Return the address of the HTTP API; None: the host is not SendGrid's, which must not get its key."""
        if self.api_url is not None:
            return self.api_url
        return _APIS[self.region] if self.host == _HOSTS[self.region] else None


class SendgridProvider(SmtpRelay):
    """SendGrid by SMTP and, for what SMTP cannot, by its HTTP API."""

    kind: ClassVar[str] = "sendgrid"
    settings_model: ClassVar[type[BaseModel]] = SendgridSettings
    capabilities: Capabilities = Capabilities(
        channels=(Channel.SMTP, Channel.API),
        max_message_bytes=20_000_000,  # documents say 20 MB and 30 MB; EHLO offers 31457280 (seen 2020)
        events=True,
        webhook=True,
        stats=True,
        domain_auth=True,
        suppressions=True,
        suppress=True,
    )
    reply_rules: ClassVar[tuple[TextRule, ...]] = REPLIES

    def __init__(
        self,
        settings: SendgridSettings,
        *,
        clock: Clock,
        stage_timeout_seconds: float,
        total_timeout_seconds: float,
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
        self._opened_api: SendgridApi | None = None
        self._opened_webhook: EventWebhook | None = None
        has_api = settings.api() is not None
        self.capabilities = replace(
            type(self).capabilities,
            channels=(Channel.SMTP, Channel.API) if has_api else (Channel.SMTP,),
            events=has_api,
            webhook=settings.webhook_public_key is not None,
            stats=has_api,
            domain_auth=has_api,
            suppressions=has_api,
            suppress=has_api,
        )

    async def submit(
        self, message: Message, channel: Channel = Channel.SMTP, deadline: float | None = None
    ) -> Submission:
        """Hand over one message, tracking off.

        By SMTP it goes as it is, unless `smtpapi` is set: Postfix sends live mail so, and the probes of one round
        must not differ between providers. SendGrid tells its events by the id of its reply ("queued as ID").
        """
        if channel is Channel.API:
            return await self._api("hand-over by its HTTP API").submit(
                message,
                sandbox=self._settings.sandbox,
                max_message_bytes=self.capabilities.max_message_bytes,
                deadline=deadline,
            )
        if self._settings.smtpapi and message.probe_id is not None:
            header = smtpapi_header(unique_args={PROBE_ARGUMENT: message.probe_id}, filters=NO_TRACKING)
            message = replace(message, content=with_smtpapi(message.content, header))
        return await super().submit(message, channel, deadline)

    async def check(self, sender: str) -> Checkup:
        """Return what the session tells, then the key, its permissions, the credits left, the sender, the webhook."""
        told = await super().check(sender)
        if self._settings.api() is None:
            return told
        from providers.sendgrid_check import account_findings  # noqa: PLC0415

        found = await account_findings(self._api("the account"), sender, public_key=self._settings.webhook_public_key)
        return replace(told, findings=(*told.findings, *found))

    async def events(self, cursor: str | None = None) -> EventPage:
        """Return messages with their present status; an event is told again when the status has changed."""
        from providers.sendgrid_logs import pull_activity, pull_logs  # noqa: PLC0415

        pull = pull_activity if self._settings.email_activity else pull_logs
        return await pull(self._api("events"), cursor)

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes, now: datetime) -> tuple[DeliveryEvent, ...]:
        """Return the events of one signed request; the same request is taken once."""
        if self._settings.webhook_public_key is None:
            self._lacks("webhooks")
        if self._opened_webhook is None:
            from providers.sendgrid_webhook import EventWebhook  # noqa: PLC0415

            self._opened_webhook = EventWebhook(self.name, self._settings.webhook_public_key)
        return self._opened_webhook.parse(headers, raw_body, now)

    async def stats(self, window: Window) -> ProviderStats:
        """Return the counts of the whole days that the window touches."""
        from providers.sendgrid_stats import read_stats  # noqa: PLC0415

        return await read_stats(self._api("statistics"), window)

    async def domain_auth(self, domain: str) -> DomainAuth:
        """Return what SendGrid says of this sending domain; what was not valid it looks up anew."""
        from providers.sendgrid_domains import domain_auth  # noqa: PLC0415

        return await domain_auth(self._api("the state of a sending domain"), domain)

    async def suppressions(self, address: str) -> tuple[Suppression, ...]:
        """Return why this address is suppressed, from five lists."""
        from providers.sendgrid_suppressions import suppressions_of  # noqa: PLC0415

        return await suppressions_of(self._api("suppressions"), address)

    async def suppression_list(self, cursor: str | None = None) -> SuppressionPage:
        """Return a part of the five lists."""
        from providers.sendgrid_suppressions import suppression_page  # noqa: PLC0415

        return await suppression_page(self._api("suppressions"), cursor)

    async def suppress(self, suppressions: Sequence[Suppression]) -> None:
        """Add these addresses to the global unsubscribes, the only list that takes entries; blocks are refused."""
        from providers.sendgrid_suppressions import suppress  # noqa: PLC0415

        await suppress(self._api("adding suppressions"), suppressions)

    def _api(self, what: str) -> "SendgridApi":
        base_url = self._settings.api()
        if base_url is None:
            self._lacks(what)
        if self._opened_api is None:
            from providers.sendgrid_api import SendgridApi  # noqa: PLC0415

            password = self._settings.password.get_secret_value()
            key = self._settings.api_key
            self._opened_api = SendgridApi(
                self.name,
                base_url,
                key.get_secret_value() if key else password,
                clock=self._clock,
                stage_timeout_seconds=self._stage_timeout_seconds,
                total_timeout_seconds=self._total_timeout_seconds,
                # the authority is the SMTP host's own; SendGrid's API is verified as any web site
                ca_file=self._settings.ca_file if self._settings.api_url else None,
                secrets=(password,),
            )
        return self._opened_api
