"""The seed: one monitored mailbox at one receiver."""

from dataclasses import dataclass, field

from providers.base import TlsMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Where probes go and how they are looked for."""

    name: str
    receiver: str  # the mailbox provider that hosts it: "gmail"
    address: str
    host: str  # IMAP server
    port: int
    username: str
    password: str = field(repr=False)
    tls: TlsMode = TlsMode.IMPLICIT
    server_name: str | None = None  # the name the certificate must carry; none means `host`
    ca_file: str | None = None  # PEM file; none means the system's
    junk: str | None = None  # name of the spam folder where neither attribute nor usual name tells
    authserv_ids: tuple[str, ...] = ()  # whose Authentication-Results to believe (RFC 8601 §5); empty: the topmost

    def __post_init__(self) -> None:
        """Refuse an unknown TLS mode rather than talk in clear."""
        object.__setattr__(self, "tls", TlsMode(self.tls))
