"""Adapter for Mailgun (documentation.mailgun.com, "Send via SMTP")."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr, model_validator

from providers.base import Capabilities
from providers.failure import Category
from providers.settings import SmtpSettings
from providers.smtp_relay import SmtpRelay
from providers.text_rules import TextRule

_HOSTS = {"us": "smtp.mailgun.org", "eu": "smtp.eu.mailgun.org"}

# Mailgun gives no enhanced codes at submission and says 421 for quota and configuration alike, behind one
# prefix: "Domain D is not allowed to send: <reason>" (seen 2022 to 2025).
REPLIES: tuple[TextRule, ...] = (
    TextRule(id="mailgun-request-rate", pattern=r"requests-per-sec limit exceeded", category=Category.RATE),
    TextRule(
        id="mailgun-recipient-limit",
        pattern=r"is not allowed to send: .*limit exceeded",
        category=Category.QUOTA,
    ),
    # These wait for a person, whatever the code says.
    TextRule(
        id="mailgun-not-activated",
        pattern=r"please activate your mailgun account",
        category=Category.ACCOUNT,
        temporary=False,
    ),
    TextRule(
        id="mailgun-test-only",
        pattern=r"(sandbox (sub)?domains|free accounts) are for test purposes only",
        category=Category.CONFIG,
        temporary=False,
    ),
    TextRule(
        id="mailgun-domain-unverified",
        pattern=r"is not allowed to send: the domain is unverified",
        category=Category.SENDER,
        temporary=False,
    ),
    TextRule(
        id="mailgun-not-allowed",
        pattern=r"domain \S+ is not allowed to send",
        category=Category.ACCOUNT,
        temporary=False,
    ),
    TextRule(
        id="mailgun-login",
        pattern=r"is not loving your login or password",
        category=Category.AUTH,
        temporary=False,
    ),
)


class MailgunSettings(SmtpSettings):
    """[[provider]] with kind = "mailgun"."""

    kind: Literal["mailgun"] = Field(description="Mailgun.")
    region: Literal["us", "eu"] = Field("us", description="Where the domain is kept; sets host when host is absent.")
    username: str = Field(min_length=1, description='SMTP login, a full address: "postmaster@mg.example.org".')
    password: SecretStr = Field(description="SMTP password of that login, from a file or the environment.")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, table: Any) -> Any:
        if not isinstance(table, Mapping):
            return table
        host = _HOSTS.get(str(table.get("region", "us")), _HOSTS["us"])  # a wrong region is reported at its own field
        return {"host": host, **table}


class MailgunProvider(SmtpRelay):
    """Mailgun by SMTP."""

    kind: ClassVar[str] = "mailgun"
    settings_model: ClassVar[type[BaseModel]] = MailgunSettings
    # 25 MB is the documented limit; EHLO offers 52428800 (seen 2023)
    capabilities: Capabilities = Capabilities(max_message_bytes=25_000_000)
    reply_rules: ClassVar[tuple[TextRule, ...]] = REPLIES
