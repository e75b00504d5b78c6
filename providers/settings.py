"""What the administrator writes in a [[provider]] table, the part common to relays spoken to by SMTP."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from providers.base import RelayEndpoint, TlsMode
from providers.smtp_connect import is_loopback_name

_IMPLICIT_PORTS = frozenset({465, 2465})
_STARTTLS_PORTS = frozenset({25, 587, 2525, 2587})


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError(f'"{path}" is not an absolute path; write it from "/"')
    return path


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9A-Fa-f:.]+$", max_length=253)]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]


class SmtpSettings(BaseModel):
    """How one relay is reached by SMTP. Adapters fill in `host` and the like for their provider."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Name = Field(description="Your name for this provider; commands, reports and Postfix services use it.")
    host: Host = Field(description="SMTP host.")
    port: int = Field(587, ge=1, le=65535, description="SMTP port. Mostly 587; 465 means TLS from the first byte.")
    tls: Annotated[TlsMode | None, Field(strict=False)] = Field(
        None,
        description='"starttls" (required, never skipped), "implicit", or "none" for this machine only. '
        'Absent: "implicit" on ports 465 and 2465, else "starttls".',
    )
    server_name: Host | None = Field(None, description="Name that the certificate must carry. Absent: host.")
    ca_file: AbsolutePath | None = Field(
        None, description="PEM file of the authority that signed the certificate. Absent: the system's."
    )
    username: str | None = Field(
        None, min_length=1, description="Login. Absent: no login, for relays that know this machine by its address."
    )
    password: SecretStr | None = Field(None, description="Password or key, from a file or the environment.")
    helo_name: Host | None = Field(
        None, description="Name that probes give in EHLO. Absent: the address literal of this machine."
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mode = self.tls_mode
        if (self.username is None) != (self.password is None):
            missing = "password" if self.password is None else "username"
            raise ValueError(f"username and password belong together; {missing} is missing")
        if mode is TlsMode.NONE and not is_loopback_name(self.host):
            raise ValueError(f'tls = "none" is for this machine only and {self.host} is not; use "starttls"')
        if mode is TlsMode.NONE and self.username is not None:
            raise ValueError('no password is sent without TLS; use tls = "starttls" or leave out username and password')
        if mode is TlsMode.STARTTLS and self.port in _IMPLICIT_PORTS:
            raise ValueError(f'port {self.port} starts TLS with the first byte; use tls = "implicit" or port 587')
        if mode is TlsMode.IMPLICIT and self.port in _STARTTLS_PORTS:
            raise ValueError(f'port {self.port} uses STARTTLS; use tls = "starttls" or port 465')
        return self

    @property
    def tls_mode(self) -> TlsMode:
        """Return the mode given, or the one the port implies (RFC 8314 §3.3)."""
        if self.tls is not None:
            return self.tls
        return TlsMode.IMPLICIT if self.port in _IMPLICIT_PORTS else TlsMode.STARTTLS

    def endpoint(self) -> RelayEndpoint:
        """Return where and how mail is handed over."""
        return RelayEndpoint(
            host=self.host,
            port=self.port,
            tls=self.tls_mode,
            server_name=self.server_name or self.host,
            ca_file=self.ca_file,
            username=self.username,
            password=self.password.get_secret_value() if self.password else None,
        )
