"""What a provider reports, after it took a message, of that message's fate. Pure values.

Names follow the normalisation that django-anymail made common: one word per fate, whatever the provider calls it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventType(StrEnum):
    """What happened to one message for one recipient."""

    QUEUED = "queued"  # the provider took it and holds it
    DELIVERED = "delivered"  # the receiver's server took it: not placement
    DEFERRED = "deferred"  # the receiver refused for now; the provider goes on trying
    BOUNCED = "bounced"  # the receiver refused for good, or the provider gave up
    REJECTED = "rejected"  # the provider itself would not send it (suppressed, invalid, content)
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    OTHER = "other"  # opened, clicked, account notices: kept apart, never evidence


class RejectReason(StrEnum):
    """Why a message was bounced or rejected."""

    INVALID = "invalid"  # no such address
    BOUNCED = "bounced"  # the receiver refused it, or it is on the list of addresses that bounced before
    BLOCKED = "blocked"  # the receiver refused the sender or the provider's address: reputation
    SPAM = "spam"  # complaint, or content taken for spam
    UNSUBSCRIBED = "unsubscribed"
    TIMED_OUT = "timed-out"  # the provider tried for its whole lifetime
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEvent:
    """One event of one message for one recipient."""

    provider: str
    type: EventType
    key: str  # unique for this event at this provider, for deduplication
    occurred_at: datetime  # aware; by the provider's clock
    message_id: str | None = None  # without angle brackets, as `Submission.provider_message_id`
    probe_id: str | None = None  # of a probe of ours, as it was submitted; None: live mail, or not told
    recipient: str = field(default="", repr=False)
    reason: RejectReason | None = None
    suppressed: bool = False  # never tried: the recipient stands on the provider's suppression list
    reply_code: int | None = None  # the receiver's, three digits
    enhanced_code: str | None = None
    text: str = field(default="", repr=False)  # the receiver's words, at most 2 KB
    mx_host: str | None = None
    attempt: int | None = None
    test: bool = False  # of a sandbox or test mode


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events, and where to go on."""

    events: tuple[DeliveryEvent, ...]
    cursor: str  # opaque and storable: what to pass for what comes after
    more: bool  # the next page is there already; False: ask again later
