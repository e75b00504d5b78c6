"""Why a relay did not take a message: category, stage, temporary or not, and the rule that said so. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The step of a hand-over, in order."""

    DNS = "dns"
    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END_OF_DATA = "end-of-data"


class Category(StrEnum):
    """What kind of failure it is; whose fault it was is decided later, in `service.decision.attribution`."""

    AUTH = "auth"  # credentials or mechanism refused
    ACCOUNT = "account"  # suspended, disabled, not activated
    QUOTA = "quota"  # credits or plan limit used up
    RATE = "rate"  # slow down
    SENDER = "sender"  # sender or sending domain not verified at this provider
    POLICY = "policy"
    REPUTATION = "reputation"  # block list, spam verdict on the provider's or our address
    RECIPIENT = "recipient"
    CONTENT = "content"
    SIZE = "size"
    CONFIG = "config"  # our configuration is wrong
    PROTOCOL = "protocol"  # our bug, or a capability mismatch
    TLS = "tls"
    NETWORK = "network"  # DNS, refused, reset, time-out
    PROVIDER_TEMP = "provider-temp"  # the relay's own temporary trouble
    PROVIDER = "provider"  # the relay's own trouble
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One classified failure."""

    category: Category
    stage: Stage
    temporary: bool
    rule: str  # identifier of the rule that matched, so the classifier can be audited
    retry_after_seconds: float | None = None
