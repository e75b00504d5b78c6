"""Adapter for the relay of example.com."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from providers.base import Capabilities, Clock, Message, RelayEndpoint, Submission
from providers.failure import Category
from providers.settings import SmtpSettings
from providers.smtp_channel import SmtpChannel
from providers.text_rules import TextRule

REPLIES = (TextRule(id="example-tea", pattern=r"time for tea", category=Category.RATE),)


class ExampleSettings(SmtpSettings):
    """[[provider]] with kind = "example"."""

    kind: Literal["example"] = Field(description="The relay of example.com.")
    host: str = Field("smtp.example.com", description="SMTP host.")


class ExampleProvider:
    """The relay of example.com by SMTP."""

    kind: ClassVar[str] = "example"
    settings_model: ClassVar[type[BaseModel]] = ExampleSettings
    capabilities: ClassVar[Capabilities] = Capabilities()
    reply_rules: ClassVar[tuple[TextRule, ...]] = REPLIES

    def __init__(
        self,
        settings: ExampleSettings,
        *,
        clock: Clock,
        stage_timeout_seconds: float,
        total_timeout_seconds: float,
    ) -> None:
        self.name = settings.name
        self._endpoint = settings.endpoint()
        self._channel = SmtpChannel(
            settings.name,
            self._endpoint,
            clock=clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
            rules=self.reply_rules,
        )

    def relay_endpoint(self) -> RelayEndpoint:
        """Return where Postfix hands mail to this provider."""
        return self._endpoint

    async def check_session(self, sender: str, recipient: str) -> Submission:
        """Do everything but send: whether a message would be taken now."""
        return await self._channel.check_session(sender, recipient)

    async def submit(self, message: Message) -> Submission:
        """Hand over one message on a fresh connection."""
        return await self._channel.submit(message)

    async def aclose(self) -> None:
        """Do nothing: no connection outlives a call."""
