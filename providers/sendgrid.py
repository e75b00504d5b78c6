"""Adapter for SendGrid (docs.sendgrid.com, "Integrating with the SMTP API" and "SMTP Errors")."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr, model_validator

from providers.base import Capabilities
from providers.failure import Category, Stage
from providers.settings import SmtpSettings
from providers.smtp_relay import SmtpRelay
from providers.text_rules import TextRule

_HOSTS = {"us": "smtp.sendgrid.net", "eu": "smtp.eu.sendgrid.net"}

# SendGrid gives no enhanced codes at submission.
REPLIES: tuple[TextRule, ...] = (
    # Used-up credits: said with 451 in reply to AUTH (seen 2020 to 2024), and no retry heals it.
    TextRule(
        id="sendgrid-credits",
        pattern=r"maximum credits exceeded",
        category=Category.QUOTA,
        temporary=False,
    ),
    TextRule(
        id="sendgrid-messaging-limits",
        pattern=r"exceeded your messaging limits",
        category=Category.QUOTA,
        temporary=False,
    ),
    TextRule(
        id="sendgrid-account-ended",
        pattern=r"authentication failed: .*account .*(disabled|suspended|banned|under review)",
        category=Category.ACCOUNT,
        temporary=False,
    ),
    TextRule(
        id="sendgrid-login",
        pattern=r"authentication failed",
        category=Category.AUTH,
        codes=frozenset({535}),
    ),
    TextRule(
        id="sendgrid-not-logged-in",
        pattern=r"unauthenticated senders not allowed",
        category=Category.AUTH,
    ),
    # Said only after DATA, so no session check sees it.
    TextRule(
        id="sendgrid-sender-identity",
        pattern=r"does not match a verified sender identity",
        category=Category.SENDER,
    ),
    # "SMTP Errors" documents these codes as throttling, whatever the words; before MAIL they are about the service.
    TextRule(
        id="sendgrid-throttle",
        pattern=r"",
        category=Category.RATE,
        codes=frozenset({421, 450, 452}),
        stages=frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.END_OF_DATA}),
    ),
)


class SendgridSettings(SmtpSettings):
    """[[provider]] with kind = "sendgrid"."""

    kind: Literal["sendgrid"] = Field(description="SendGrid.")
    region: Literal["us", "eu"] = Field("us", description="Where the account is kept; sets host when host is absent.")
    username: Literal["apikey"] = Field("apikey", description='Always the word "apikey".')
    password: SecretStr = Field(description="API key with Mail Send permission, from a file or the environment.")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, table: Any) -> Any:
        if not isinstance(table, Mapping):
            return table
        host = _HOSTS.get(str(table.get("region", "us")), _HOSTS["us"])  # a wrong region is reported at its own field
        return {"host": host, **table}


class SendgridProvider(SmtpRelay):
    """SendGrid by SMTP."""

    kind: ClassVar[str] = "sendgrid"
    settings_model: ClassVar[type[BaseModel]] = SendgridSettings
    # documents say 20 MB and 30 MB; EHLO offers 31457280 (seen 2020)
    capabilities: Capabilities = Capabilities(max_message_bytes=20_000_000)
    reply_rules: ClassVar[tuple[TextRule, ...]] = REPLIES
