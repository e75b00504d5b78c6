"""Adapter for any relay that takes mail by SMTP submission (RFC 6409), with presets for well-known ones."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from providers.base import Clock, RelayEndpoint
from providers.checkup import Checkup, Finding, Verdict
from providers.http_url import check_base_url
from providers.oauth_grant import OAuthGrant
from providers.presets import presets
from providers.settings import SmtpSettings
from providers.smtp_login import LoginMethod, SmtpLogin, TokenSource
from providers.smtp_relay import SmtpRelay

_OAUTH = ("oauth_token_url", "oauth_client_id", "oauth_client_secret", "oauth_refresh_token", "oauth_scope")


class SmtpProviderSettings(SmtpSettings):
    """[[provider]] with kind = "smtp"."""

    kind: Literal["smtp"] = Field(description="Any relay that takes mail by SMTP.")
    preset: str | None = Field(None, description="Well-known relay whose host, port and user name to use.")
    region: str | None = Field(
        None, pattern=r"^[a-z]+(-[a-z0-9]+)*$", description='Region for presets that need one: "eu-west-1" for ses.'
    )
    auth: LoginMethod | None = Field(
        None,
        strict=False,
        description='How to log in. Absent: PLAIN, or LOGIN where the relay offers no PLAIN. "cram-md5" and "xoauth2" '
        "are for probes alone: Postfix is set to PLAIN and LOGIN, and cannot do XOAUTH2 without a plugin.",
    )
    oauth_token_url: str | None = Field(
        None,
        examples=["https://oauth2.example.net/token"],
        description='Where access tokens are fetched, for auth = "xoauth2".',
    )
    oauth_client_id: str | None = Field(
        None, min_length=1, examples=["relaypilot-probes"], description="Client that tokens are issued to."
    )
    oauth_client_secret: SecretStr | None = Field(
        None, description="Secret of that client, from a file or the environment. Absent: the client has none."
    )
    oauth_refresh_token: SecretStr | None = Field(
        None,
        description="Refresh token, from a file or the environment. Absent: tokens are asked for with the client's "
        "own credentials.",
    )
    oauth_scope: str | None = Field(
        None, min_length=1, examples=["https://mail.example.net/"], description="Scope to ask for. Absent: the default."
    )
    client_certificate_file: str | None = Field(
        None,
        examples=["/etc/relaypilot/client.pem"],
        description="PEM file of the certificate to show to a relay that asks for one. Absent: none is shown.",
    )
    client_key_file: str | None = Field(
        None,
        examples=["/etc/relaypilot/client.key"],
        description="PEM file of its key, without pass phrase. Absent: it stands in client_certificate_file.",
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
        if preset.auth is not None and "password" not in table and "username" in table:
            filled.setdefault("auth", preset.auth)
        return filled

    @field_validator("oauth_token_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None:
            check_base_url(value)
        return value

    @field_validator("oauth_client_secret", "oauth_refresh_token")
    @classmethod
    def _strip_secret(cls, value: SecretStr | None) -> SecretStr | None:
        return cls._strip_line_end(value)

    @model_validator(mode="after")
    def _login_consistent(self) -> Self:
        given = [name for name in _OAUTH if getattr(self, name) is not None]
        if self.auth is LoginMethod.XOAUTH2:
            missing = [name for name in _OAUTH[:2] if getattr(self, name) is None]
            if missing:
                raise ValueError(f'auth = "xoauth2" without {" and ".join(missing)}; add what is missing')
            if self.oauth_client_secret is None and self.oauth_refresh_token is None:
                raise ValueError("neither oauth_client_secret nor oauth_refresh_token is given; add one of them")
            if self.password is not None:
                raise ValueError('a password has no use with auth = "xoauth2"; remove it')
        elif given:
            raise ValueError(f'{given[0]} is for auth = "xoauth2" only; add that, or remove {", ".join(given)}')
        if self.auth is not None and self.username is None:
            raise ValueError(f'auth = "{self.auth}" without username; add it, or remove auth')
        if self.client_key_file is not None and self.client_certificate_file is None:
            raise ValueError("client_key_file is given and client_certificate_file is not; give both")
        return self

    def credential(self) -> str | None:
        """Return the name of what proves the login; None: nothing does."""
        return 'auth = "xoauth2"' if self.auth is LoginMethod.XOAUTH2 else super().credential()

    def login(self, tokens: TokenSource | None) -> SmtpLogin | None:
        """Return how to log in; None: not at all."""
        if self.username is None:
            return None
        password = self.password.get_secret_value() if self.password else None
        return SmtpLogin(username=self.username, password=password, method=self.auth, tokens=tokens)

    def endpoint(self) -> RelayEndpoint:
        """Return where and how mail is handed over; with XOAUTH2 there is no password in it."""
        return replace(
            super().endpoint(),
            client_certificate_file=self.client_certificate_file,
            client_key_file=self.client_key_file,
        )

    def grant(self) -> OAuthGrant | None:
        """Return what access tokens are asked for with; None: no token is needed."""
        if self.oauth_token_url is None or self.oauth_client_id is None:
            return None
        return OAuthGrant(
            token_url=self.oauth_token_url,
            client_id=self.oauth_client_id,
            client_secret=_text(self.oauth_client_secret),
            refresh_token=_text(self.oauth_refresh_token),
            scope=self.oauth_scope,
        )

    def max_message_bytes(self) -> int | None:
        """Return the preset's documented limit."""
        return presets()[self.preset].max_message_bytes if self.preset else None


class SmtpProvider(SmtpRelay):
    """One relay spoken to by SMTP."""

    kind: ClassVar[str] = "smtp"
    settings_model: ClassVar[type[BaseModel]] = SmtpProviderSettings

    def __init__(
        self,
        settings: SmtpProviderSettings,
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
        self._preset = presets()[settings.preset] if settings.preset else None

    async def check(self, sender: str) -> Checkup:
        """Return what a session says that logs in and names this sender, and what limits are documented."""
        checkup = await super().check(sender)
        if self._preset is None or not self._preset.limits:
            return checkup
        sentence = f"{self._preset.title} documents further limits: {'; '.join(self._preset.limits)}."
        limits = Finding(code="limits", verdict=Verdict.OK, sentence=sentence)
        return replace(checkup, findings=(*checkup.findings, limits))

    def _tokens(
        self, settings: SmtpSettings, *, clock: Clock, stage_timeout_seconds: float, total_timeout_seconds: float
    ) -> TokenSource | None:
        grant = settings.grant() if isinstance(settings, SmtpProviderSettings) else None
        if grant is None:
            return None
        from providers.oauth import OAuthTokens  # noqa: PLC0415 - brings an HTTP library that few need

        return OAuthTokens(
            settings.name,
            grant,
            clock=clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
        )


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
