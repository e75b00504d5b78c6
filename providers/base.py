"""What a relay provider is to the rest of relaypilot: the values that cross, and the protocol an adapter meets.

An adapter hands one message to one relay and says what the relay answered. It knows nothing of probes,
seeds, health or Postfix. `ADDING.md` tells how to write one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from pydantic import BaseModel

from providers.checkup import Checkup
from providers.delivery_event import DeliveryEvent, EventPage
from providers.domain_auth import DomainAuth
from providers.failure import Failure, Stage
from providers.provider_stats import ProviderStats, Window
from providers.suppression import Suppression, SuppressionPage
from providers.text_rules import TextRule


class Clock(Protocol):
    """Reads the time: wall time stamps facts, monotonic time measures intervals."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never jump."""
        ...


class TlsMode(StrEnum):
    """How a session is encrypted."""

    IMPLICIT = "implicit"  # TLS from the first byte, port 465 (RFC 8314)
    STARTTLS = "starttls"  # required: refused when the relay does not offer it (RFC 3207)
    NONE = "none"  # loopback only


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayEndpoint:
    """Where and how Postfix (and a probe) hands mail to this provider by SMTP."""

    host: str
    port: int
    tls: TlsMode
    server_name: str  # the name the certificate must carry; usually `host`
    ca_file: str | None = None  # PEM file; none means the system's
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_certificate_file: str | None = None  # PEM; shown to a relay that asks for one
    client_key_file: str | None = None  # PEM, its key, without pass phrase

    @property
    def nexthop(self) -> str:
        """Return the nexthop as Postfix spells it, brackets and port included (transport(5))."""
        return f"[{self.host}]:{self.port}"


class Channel(StrEnum):
    """By which door a message is handed over; each has its own host, credentials and limits."""

    SMTP = "smtp"  # the one Postfix uses
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter can do, as data, so that callers never probe with try/except.

    What needs a credential that the administrator did not give is absent from a provider's own
    `capabilities`, though its class may offer it.
    """

    channels: tuple[Channel, ...] = (Channel.SMTP,)
    max_message_bytes: int | None = None
    events: bool = False  # `events` pulls
    webhook: bool = False  # `parse_webhook`
    stats: bool = False
    domain_auth: bool = False
    suppressions: bool = False  # `suppressions` and `suppression_list`
    suppress: bool = False  # `suppress` adds to the list


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for one recipient, ready to be sent."""

    sender: str  # envelope sender (MAIL FROM)
    recipient: str  # envelope recipient (RCPT TO)
    content: bytes = field(repr=False)  # headers and body, CRLF line ends
    probe_id: str | None = None  # comes back in events where the channel can carry it beside the content


class SubmissionStatus(StrEnum):
    """What became of one hand-over."""

    ACCEPTED = (
        "accepted"  # 250 at end of DATA: the relay took responsibility (RFC 5321 §6.1); or a session check passed
    )
    DEFERRED = "deferred"  # the relay answered 4yz
    REJECTED = "rejected"  # the relay answered 5yz
    ERROR = "error"  # no usable answer: network, TLS, time-out, garbage


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSession:
    """TLS as negotiated."""

    version: str  # "TLSv1.3"
    cipher: str
    not_after: datetime | None  # expiry of the relay's certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a relay answered to one message, or to one session check (no message sent)."""

    provider: str
    channel: Channel
    status: SubmissionStatus
    started_at: datetime
    duration_seconds: float
    message_sent: bool  # False for a session check
    reply_code: int | None = None  # three digits, of the reply that decided; None when none did
    enhanced_code: str | None = None  # "5.7.1" (RFC 3463), absent when the relay gave none
    text: str = ""  # that reply in one line without its codes, or what went wrong; at most 2 KB, secrets redacted
    provider_message_id: str | None = None  # without angle brackets
    stage_seconds: Mapping[Stage, float] = field(default_factory=dict)
    tls: TlsSession | None = None
    ehlo: tuple[str, ...] = ()  # EHLO keywords as read after STARTTLS
    failure: Failure | None = None  # None if and only if ACCEPTED


class Provider(Protocol):
    """One configured relay provider.

    Every adapter is made the same way, by `registry.make_provider`:
    `Kind(settings, *, clock, stage_timeout_seconds, total_timeout_seconds)`, where `settings` is an instance
    of its `settings_model`, one stage of a hand-over may take `stage_timeout_seconds` and the whole of it
    `total_timeout_seconds`. Making one must not touch the network, a file or the clock.

    An adapter must:
      - answer `submit` and `check_session` with a `Submission` whatever the relay or the network did, a `Failure`
        in it unless the message was taken, and never raise for it;
      - raise `CallError`, with a `Failure`, when another call fails for what the provider or the network did;
      - raise `NotSupportedError` for what its `capabilities` lack, and for nothing else;
      - end every call by the deadline it was given, whatever the peer does.

    An adapter must not retry, log secrets, send anything unless asked by `submit`, or keep a session over a
    configuration reload. It may keep sessions open between calls.
    """

    kind: ClassVar[str]  # entry-point name: "mailgun"
    settings_model: ClassVar[type[BaseModel]]  # this adapter's part of a [[provider]] table
    reply_rules: ClassVar[tuple[TextRule, ...]]  # this provider's own wording in SMTP, read before the common rules
    capabilities: Capabilities  # of the class: all it can; of a provider: what its settings allow
    name: str  # the administrator's name for it

    def relay_endpoint(self) -> RelayEndpoint:
        """Return where Postfix hands mail to this provider."""
        ...

    async def check_session(self, sender: str, recipient: str) -> Submission:
        """Connect freshly, TLS, AUTH, MAIL, RCPT, RSET, QUIT: whether a message would be taken, sending none."""
        ...

    async def submit(
        self, message: Message, channel: Channel = Channel.SMTP, deadline: float | None = None
    ) -> Submission:
        """Hand over one message; by SMTP on the path Postfix would use.

        `deadline` is a time of the clock's `monotonic`; None: the total time-out from now.
        """
        ...

    async def check(self, sender: str) -> Checkup:
        """Return how the account stands for mail of this sender: credentials, TLS, limits, quota. Sends nothing.

        What could not be found out is a finding too: `check` never raises for what the provider did.
        """
        ...

    async def events(self, cursor: str | None = None) -> EventPage:
        """Return events after this cursor, oldest first; None begins at what is lately stored.

        Events may come late and out of order, and one may come twice: their `key` tells.
        """
        ...

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes, now: datetime) -> tuple[DeliveryEvent, ...]:
        """Return the events of one request to our webhook, after its signature has been verified.

        Header names are compared without regard to case.

        Raises:
            WebhookRejectedError: not signed by the provider, too old, replayed, too large, or not understood.
        """
        ...

    async def stats(self, window: Window) -> ProviderStats:
        """Return what the provider itself counted."""
        ...

    async def domain_auth(self, domain: str) -> DomainAuth:
        """Return what the provider says of this sending domain."""
        ...

    async def suppressions(self, address: str) -> tuple[Suppression, ...]:
        """Return why this address is suppressed; empty: it is not."""
        ...

    async def suppression_list(self, cursor: str | None = None) -> SuppressionPage:
        """Return a part of the whole suppression list, after this cursor."""
        ...

    async def suppress(self, suppressions: Sequence[Suppression]) -> None:
        """Add these addresses to the provider's own list; those that are on it stay as they are."""
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...
