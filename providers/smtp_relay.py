"""What all adapters for relays spoken to by SMTP have in common; a provider with an API of its own adds to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NoReturn

from pydantic import BaseModel

from providers.base import Capabilities, Channel, Clock, Message, RelayEndpoint, Submission
from providers.checkup import Checkup, Finding
from providers.delivery_event import DeliveryEvent, EventPage
from providers.domain_auth import DomainAuth
from providers.errors import NotSupportedError
from providers.provider_stats import ProviderStats, Window
from providers.session_findings import session_findings
from providers.settings import SmtpSettings
from providers.smtp_channel import SmtpChannel
from providers.smtp_login import TokenSource
from providers.suppression import Suppression, SuppressionPage
from providers.text_rules import TextRule


class SmtpRelay:
    """A provider that can do what SMTP offers, and nothing more."""

    kind: ClassVar[str]
    settings_model: ClassVar[type[BaseModel]]
    reply_rules: ClassVar[tuple[TextRule, ...]] = ()
    capabilities: Capabilities = Capabilities()

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        clock: Clock,
        stage_timeout_seconds: float,
        total_timeout_seconds: float,
    ) -> None:
        self.name = settings.name
        self._endpoint = settings.endpoint()
        self._clock = clock
        self._max_message_bytes = settings.max_message_bytes() or self.capabilities.max_message_bytes
        tokens = self._tokens(
            settings,
            clock=clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
        )
        self._channel = SmtpChannel(
            settings.name,
            self._endpoint,
            clock=clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
            rules=self.reply_rules,
            max_message_bytes=self._max_message_bytes,
            login=settings.login(tokens),
            helo_name=settings.helo_name,
            source_address=settings.source_address,
        )

    def _tokens(
        self, settings: SmtpSettings, *, clock: Clock, stage_timeout_seconds: float, total_timeout_seconds: float
    ) -> TokenSource | None:
        """Return where access tokens come from; None: no login needs them."""
        return None

    def relay_endpoint(self) -> RelayEndpoint:
        """Return where Postfix hands mail to this provider."""
        return self._endpoint

    async def check_session(self, sender: str, recipient: str) -> Submission:
        """Do everything but send: whether a message would be taken now."""
        return await self._channel.check_session(sender, recipient)

    async def submit(
        self, message: Message, channel: Channel = Channel.SMTP, deadline: float | None = None
    ) -> Submission:
        """Hand over one message on a fresh connection."""
        if channel is not Channel.SMTP:
            self._lacks(f"hand-over by {channel}")
        return await self._channel.submit(message, deadline)

    async def check(self, sender: str) -> Checkup:
        """Return what a session says that logs in and names this sender, and sends nothing."""
        return Checkup(provider=self.name, findings=await self.session_findings(sender))

    async def session_findings(self, sender: str) -> tuple[Finding, ...]:
        """Return credentials, sender, TLS and size limit as one SMTP session shows them; adapters add their own."""
        submission = await self._channel.check_sender(sender)
        return session_findings(
            submission,
            endpoint=self._endpoint,
            sender=sender,
            now=self._clock.now(),
            max_message_bytes=self._max_message_bytes,
        )

    async def events(self, cursor: str | None = None) -> EventPage:
        """Raise NotSupportedError."""
        self._lacks("events")

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes, now: datetime) -> tuple[DeliveryEvent, ...]:
        """Raise NotSupportedError."""
        self._lacks("webhooks")

    async def stats(self, window: Window) -> ProviderStats:
        """Raise NotSupportedError."""
        self._lacks("statistics")

    async def domain_auth(self, domain: str) -> DomainAuth:
        """Raise NotSupportedError."""
        self._lacks("the state of a sending domain")

    async def suppressions(self, address: str) -> tuple[Suppression, ...]:
        """Raise NotSupportedError."""
        self._lacks("suppressions")

    async def suppression_list(self, cursor: str | None = None) -> SuppressionPage:
        """Raise NotSupportedError."""
        self._lacks("suppressions")

    async def suppress(self, suppressions: Sequence[Suppression]) -> None:
        """Raise NotSupportedError."""
        self._lacks("adding suppressions")

    async def aclose(self) -> None:
        """Close what is open."""
        await self._channel.aclose()

    def _lacks(self, what: str) -> NoReturn:
        raise NotSupportedError(
            f'asking provider "{self.name}" for {what}: kind "{self.kind}" does not offer it, or the credential for it '
            "is missing from its [[provider]] table"
        )
