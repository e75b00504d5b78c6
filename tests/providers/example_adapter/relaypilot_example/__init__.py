"""Adapter for the relay of example.com: SMTP, and an HTTP API that takes messages as they are."""

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr

from providers.base import Capabilities, Channel, Clock, Message, Submission
from providers.failure import Category
from providers.http import HttpApi, HttpTransportError
from providers.http_answer import HttpRule, classify_http
from providers.http_submission import answered, unanswered
from providers.settings import SmtpSettings
from providers.smtp_relay import SmtpRelay
from providers.text_rules import TextRule

REPLIES = (TextRule(id="example-tea", pattern=r"time for tea", category=Category.RATE),)
ANSWERS = (
    HttpRule(id="example-no-id", category=Category.CONFIG, temporary=False, statuses=frozenset({200})),
    HttpRule(id="example-paid-up", category=Category.QUOTA, temporary=False, statuses=frozenset({402})),
)


class ExampleSettings(SmtpSettings):
    """[[provider]] with kind = "example"."""

    kind: Literal["example"] = Field(description="The relay of example.com.")
    host: str = Field("smtp.example.com", description="SMTP host.")
    api_key: SecretStr | None = Field(None, description="Key for the API. Absent: SMTP alone.")
    api_url: str = Field("https://api.example.com", description="Address of the API.")


class ExampleProvider(SmtpRelay):
    """The relay of example.com by SMTP, and by its API where the settings hold a key for it."""

    kind: ClassVar[str] = "example"
    settings_model: ClassVar[type[BaseModel]] = ExampleSettings
    capabilities: Capabilities = Capabilities(channels=(Channel.SMTP, Channel.API))
    reply_rules: ClassVar[tuple[TextRule, ...]] = REPLIES

    def __init__(
        self, settings: ExampleSettings, *, clock: Clock, stage_timeout_seconds: float, total_timeout_seconds: float
    ) -> None:
        times = {"stage_timeout_seconds": stage_timeout_seconds, "total_timeout_seconds": total_timeout_seconds}
        super().__init__(settings, clock=clock, **times)
        self._clock = clock
        self._api = None
        if settings.api_key is None:
            self.capabilities = replace(self.capabilities, channels=(Channel.SMTP,))
        else:
            headers = {"authorization": f"Bearer {settings.api_key.get_secret_value()}"}
            self._api = HttpApi(
                self.name, settings.api_url, headers, clock=clock, ca_file=settings.ca_file, secrets=(), **times
            )

    async def submit(
        self, message: Message, channel: Channel = Channel.SMTP, deadline: float | None = None
    ) -> Submission:
        """Hand over one message."""
        if channel is Channel.SMTP:
            return await super().submit(message, channel, deadline)
        if self._api is None:
            self._lacks("hand-over by its API")
        started_at, begun = self._clock.now(), self._clock.monotonic()
        asked = {"to": message.recipient, "message": message.content.decode("latin-1")}
        try:
            answer = await self._api.call("POST", "/send", json=asked, deadline=deadline)
        except HttpTransportError as error:
            seconds = self._clock.monotonic() - begun
            return unanswered(
                self.name,
                str(error),
                error.failure,
                started_at=started_at,
                duration_seconds=seconds,
                stage_seconds=dict(error.stage_seconds),
            )
        told = answer.json()
        taken = answer.ok and isinstance(told, dict) and isinstance(told.get("id"), str)
        failure = None if taken else classify_http(answer, ANSWERS, self._clock.now())
        return answered(
            self.name,
            answer,
            failure,
            self._api.redact(answer.text()),
            started_at=started_at,
            provider_message_id=told["id"] if taken else None,
        )
