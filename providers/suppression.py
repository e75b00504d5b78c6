"""Addresses that a provider refuses to send to, whoever asks. Pure values."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SuppressionKind(StrEnum):
    """Why an address is suppressed."""

    HARD_BOUNCE = "hard-bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    BLOCK = "block"  # SendGrid's list of temporary blocks: it does not keep mail from being tried
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One suppressed address."""

    address: str = field(repr=False)
    kind: SuppressionKind
    at: datetime | None = None  # when it was put there; None: not told
    reason: str = field(default="", repr=False)  # the provider's words, at most 2 KB


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionPage:
    """A part of the whole list, and where to go on."""

    items: tuple[Suppression, ...]
    cursor: str  # opaque and storable: what to pass for what comes after
    more: bool  # False: that was all for now
