"""What the administrator writes in a [[provider]] table, the part common to relays spoken to by SMTP."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from providers.base import RelayEndpoint, TlsMode
from providers.declared import DeclaredKeys
from providers.smtp_connect import is_loopback_name
from providers.smtp_login import SmtpLogin, TokenSource

_IMPLICIT_PORTS = frozenset({465, 2465})
_STARTTLS_PORTS = frozenset({25, 587, 2525, 2587})


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9A-Fa-f:.]+$", max_length=253)]

Selector = Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=63)]


class SmtpSettings(DeclaredKeys):
    """How one relay is reached by SMTP. Adapters fill in `host` and the like for their provider."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    name: Name = Field(description="Your name for this provider; commands, reports and Postfix services use it.")
    host: Host = Field(description="SMTP host.")
    port: int = Field(587, ge=1, le=65535, description="SMTP port. Mostly 587; 465 means TLS from the first byte.")
    tls: TlsMode = Field(
        TlsMode.STARTTLS,
        strict=False,
        description='"starttls" (required, never skipped), "implicit", or "none" for this machine only. '
        'Absent: "implicit" on ports 465 and 2465, else "starttls".',
    )
    server_name: Host | None = Field(None, description="Name that the certificate must carry. Absent: host.")
    ca_file: str | None = Field(
        None, description="PEM file of the authority that signed the certificate. Absent: the system's."
    )
    username: str | None = Field(
        None, min_length=1, description="Login. Absent: no login, for relays that know this machine by its address."
    )
    password: SecretStr | None = Field(None, description="Password or key, from a file or the environment.")
    helo_name: Host | None = Field(
        None, description="Name that probes give in EHLO. Absent: the address literal of this machine."
    )
    source_address: str | None = Field(
        None,
        examples=["192.0.2.10"],
        description="Address of this machine from which probes connect; give the one Postfix uses "
        "(smtp_bind_address). Absent: the system chooses.",
    )
    warm_share: int = Field(
        0,
        ge=0,
        le=50,
        description="Percent of the mail that goes to this provider while it is a working standby, to keep it warm.",
    )
    max_per_hour: int | None = Field(
        None, ge=1, examples=[5000], description="Most messages an hour it is to carry; the overflow goes to others."
    )
    spf_include: Host | None = Field(
        None, description="Name that the relay wants in the sending domain's SPF record; `check` looks for it."
    )
    dkim_selectors: tuple[Selector, ...] = Field(
        (), strict=False, description="Selectors that the relay signs the sending domain with; `check` looks them up."
    )

    @field_validator("password")
    @classmethod
    def _strip_line_end(cls, value: SecretStr | None) -> SecretStr | None:
        # a secret read from a file ends in a newline, and one with a newline inside is a wrong file
        if value is None:
            return None
        secret = value.get_secret_value().strip("\r\n")
        if not secret or not secret.isprintable():
            raise ValueError(
                "the secret is empty or holds control characters; check the file or variable it comes from"
            )
        return SecretStr(secret)

    @field_validator("source_address")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        try:
            return value if value is None else str(ip_address(value))
        except ValueError:
            raise ValueError(f'"{value}" is no IP address; write one of this machine, such as 192.0.2.10') from None

    @model_validator(mode="before")
    @classmethod
    def _tls_from_port(cls, table: Any) -> Any:
        # RFC 8314 §3.3. Runs after the adapters' own filling in: pydantic calls the subclass's first
        if isinstance(table, Mapping) and table.get("port") in _IMPLICIT_PORTS:
            return {"tls": TlsMode.IMPLICIT, **table}
        return table

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        # messages: what was seen; what to do. TLS mode "none" beyond this machine is refused when connecting
        credential = self.credential()
        if (self.username is None) != (credential is None):
            given, missing = ("username", "password") if credential is None else (credential, "username")
            raise ValueError(f"{given} is given and {missing} is not; give both, or none for a relay without login")
        if self.tls is TlsMode.NONE and self.username is not None and is_loopback_name(self.host):
            raise ValueError('no password is sent without TLS; use tls = "starttls" or leave out username and password')
        if self.tls is TlsMode.STARTTLS and self.port in _IMPLICIT_PORTS:
            raise ValueError(f'port {self.port} starts TLS with the first byte; use tls = "implicit" or port 587')
        if self.tls is TlsMode.IMPLICIT and self.port in _STARTTLS_PORTS:
            raise ValueError(f'port {self.port} uses STARTTLS; use tls = "starttls" or port 465')
        return self

    def max_message_bytes(self) -> int | None:
        """Return the size limit that these settings know of; None: the adapter's."""
        return None

    def credential(self) -> str | None:
        """Return the name of what proves the login; None: nothing does."""
        return None if self.password is None else "password"

    def login(self, tokens: TokenSource | None) -> SmtpLogin | None:
        """Return how to log in; None: not at all. `tokens` brings access tokens where they are the way."""
        if self.username is None:
            return None
        password = self.password.get_secret_value() if self.password else None
        return SmtpLogin(username=self.username, password=password, tokens=tokens)

    def endpoint(self) -> RelayEndpoint:
        """Return where and how mail is handed over."""
        return RelayEndpoint(
            host=self.host,
            port=self.port,
            tls=self.tls,
            server_name=self.server_name or self.host,
            ca_file=self.ca_file,
            username=self.username,
            password=self.password.get_secret_value() if self.password else None,
        )
