"""Adapter for any relay that takes mail by SMTP submission (RFC 6409), with presets for well-known ones."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, model_validator

from providers.presets import presets
from providers.settings import SmtpSettings
from providers.smtp_relay import SmtpRelay


class SmtpProviderSettings(SmtpSettings):
    """[[provider]] with kind = "smtp"."""

    kind: Literal["smtp"] = Field(description="Any relay that takes mail by SMTP.")
    preset: str | None = Field(None, description="Well-known relay whose host, port and user name to use.")
    region: str | None = Field(
        None, pattern=r"^[a-z]+(-[a-z0-9]+)*$", description='Region for presets that need one: "eu-west-1" for ses.'
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, table: Any) -> Any:
        if not isinstance(table, Mapping) or not isinstance(table.get("preset"), str):
            return table
        known = presets()
        if table["preset"] not in known:
            raise ValueError(f'no preset is called "{table["preset"]}"; known are {", ".join(sorted(known))}')
        preset = known[table["preset"]]
        host = preset.host
        if "{region}" in host:
            if not isinstance(table.get("region"), str):
                raise ValueError(
                    f'preset "{table["preset"]}" has one host per region; add region, for example "eu-west-1"'
                )
            host = host.format(region=table["region"])
        filled = {"host": host, "port": preset.starttls[0], **table}
        if preset.username is not None and "password" in table:
            filled.setdefault("username", preset.username)
        return filled

    def max_message_bytes(self) -> int | None:
        """Return the preset's documented limit."""
        return presets()[self.preset].max_message_bytes if self.preset else None


class SmtpProvider(SmtpRelay):
    """One relay spoken to by SMTP."""

    kind: ClassVar[str] = "smtp"
    settings_model: ClassVar[type[BaseModel]] = SmtpProviderSettings
