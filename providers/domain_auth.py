"""What a provider says of a sending domain: whether it may send, and the DNS records that it wants. Pure values."""

from dataclasses import dataclass
from enum import StrEnum


class DomainState(StrEnum):
    """Whether the provider sends for the domain."""

    ACTIVE = "active"
    UNVERIFIED = "unverified"  # records are missing or not yet seen
    DISABLED = "disabled"
    UNKNOWN = "unknown"  # the provider does not know the domain


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRecord:
    """A DNS record that the provider wants to see."""

    type: str  # "TXT", "CNAME", "MX"
    name: str  # fully qualified, without the last dot
    value: str
    purpose: str  # "spf", "dkim", "return-path", "tracking", "mx", "other"
    valid: bool | None  # as the provider last saw it; None: it did not say


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainAuth:
    """One sending domain at one provider."""

    domain: str
    state: DomainState
    reason: str = ""  # why it is disabled, in the provider's words
    records: tuple[WantedRecord, ...] = ()
