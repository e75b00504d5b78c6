"""Adapter for the relay of example.com."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from providers.base import Capabilities
from providers.failure import Category
from providers.settings import SmtpSettings
from providers.smtp_relay import SmtpRelay
from providers.text_rules import TextRule

REPLIES = (TextRule(id="example-tea", pattern=r"time for tea", category=Category.RATE),)


class ExampleSettings(SmtpSettings):
    """[[provider]] with kind = "example"."""

    kind: Literal["example"] = Field(description="The relay of example.com.")
    host: str = Field("smtp.example.com", description="SMTP host.")


class ExampleProvider(SmtpRelay):
    """The relay of example.com by SMTP."""

    kind: ClassVar[str] = "example"
    settings_model: ClassVar[type[BaseModel]] = ExampleSettings
    capabilities: Capabilities = Capabilities()
    reply_rules: ClassVar[tuple[TextRule, ...]] = REPLIES
