"""SendGrid's events as ours ("Event Webhook Reference"; the same objects come with Email Logs). Pure."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from providers.delivery_event import DeliveryEvent, EventType, RejectReason
from providers.reply import parse_reply
from providers.sendgrid_smtpapi import PROBE_ARGUMENT
from providers.untrusted import as_text, as_time

_TYPES = {
    "processed": EventType.QUEUED,
    "deferred": EventType.DEFERRED,
    "delivered": EventType.DELIVERED,
    "bounce": EventType.BOUNCED,
    "dropped": EventType.REJECTED,
    "cancel_drop": EventType.REJECTED,
    "spamreport": EventType.COMPLAINED,
    "unsubscribe": EventType.UNSUBSCRIBED,
    "group_unsubscribe": EventType.UNSUBSCRIBED,
}
# "dropped": SendGrid did not try. The first four stand on one of its suppression lists.
_SUPPRESSED = {
    "bounced address": RejectReason.BOUNCED,
    "unsubscribed address": RejectReason.UNSUBSCRIBED,
    "spam reporting address": RejectReason.SPAM,
    "invalid": RejectReason.INVALID,
}
_DROPPED = {**_SUPPRESSED, "spam content": RejectReason.SPAM}
# "bounce" with type "blocked" is the soft kind: the address is not suppressed for it.
_BOUNCE_TYPES = {"blocked": RejectReason.BLOCKED, "expired": RejectReason.TIMED_OUT}
_CLASSIFICATIONS = {
    "invalid address": RejectReason.INVALID,
    "reputation": RejectReason.BLOCKED,
    "frequency or volume too high": RejectReason.BLOCKED,
    "content": RejectReason.SPAM,
}
_MILLISECONDS_FROM = 100_000_000_000  # in seconds the year 5138; in milliseconds 1973
_CODE = re.compile(r"[2-5][0-9]{2}")
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_ATTEMPT = re.compile(r"[0-9]{1,6}")
_NAME_CHARACTERS = 320  # the longest address (RFC 3696 erratum 1690); ids are shorter


def parse_event(provider: str, item: Mapping[str, Any], *, received_at: datetime) -> DeliveryEvent:
    """Return one event object as ours; one of an unknown name is `other`.

    `received_at` stands in when the event has no readable time. An event without an id is keyed by its content.
    """
    name = _field(item, "event")
    kind = _TYPES.get(name, EventType.OTHER)
    said = _field(item, "response") or _field(item, "reason")
    reason, suppressed = _reason(name, item)
    code, enhanced = _codes(item, said)
    attempt = _ATTEMPT.fullmatch(str(item.get("attempt", "")))
    return DeliveryEvent(
        provider=provider,
        type=kind,
        key=_field(item, "sg_event_id")[:_NAME_CHARACTERS] or _digest(item),
        occurred_at=event_time(item.get("timestamp")) or received_at,
        message_id=message_id(_field(item, "sg_message_id") or _field(item, "recv_msgid")),
        probe_id=_probe(item),
        recipient=_field(item, "email")[:_NAME_CHARACTERS],
        reason=reason,
        suppressed=suppressed,
        reply_code=code,
        enhanced_code=enhanced,
        text=said,
        attempt=int(attempt[0]) if attempt else None,
    )


def message_id(sg_message_id: str) -> str | None:
    """Return the part before the first dot, by which a hand-over was answered ("queued as ID", X-Message-Id)."""
    return sg_message_id.strip("<>").partition(".")[0][:_NAME_CHARACTERS] or None


def event_time(value: Any) -> datetime | None:
    """Return a time given in epoch seconds or, as some senders do, milliseconds; None when it is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return as_time(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds)


def _reason(name: str, item: Mapping[str, Any]) -> tuple[RejectReason | None, bool]:
    """Return why it was bounced or rejected, and whether it was suppressed."""
    if name in {"dropped", "cancel_drop"}:
        said = (_field(item, "reason") or _field(item, "type")).strip().lower()
        return _DROPPED.get(said, RejectReason.OTHER), said in _SUPPRESSED
    if name == "bounce":
        kind, why = _field(item, "type").lower(), _field(item, "bounce_classification").lower()
        known = _BOUNCE_TYPES.get(kind) or _CLASSIFICATIONS.get(why)
        return known or RejectReason.BOUNCED, False
    if name == "spamreport":
        return RejectReason.SPAM, False
    return None, False


def _codes(item: Mapping[str, Any], said: str) -> tuple[int | None, str | None]:
    """Return the receiver's reply code and enhanced code; `status` is one or the other."""
    reply = parse_reply(said) if said else None
    code, enhanced = (reply.code, reply.enhanced) if reply else (None, None)
    status = _field(item, "status").strip()
    if code is None and _CODE.fullmatch(status):
        code = int(status)
    if enhanced is None and _ENHANCED.fullmatch(status):
        enhanced = status
    return code, enhanced


def _probe(item: Mapping[str, Any]) -> str | None:
    """Return the mark that we gave; the webhook merges custom arguments into the event, the logs keep them apart."""
    apart = item.get("custom_args")
    mark = item.get(PROBE_ARGUMENT) or (apart.get(PROBE_ARGUMENT) if isinstance(apart, Mapping) else None)
    return as_text(mark)[:_NAME_CHARACTERS] or None


def _field(item: Mapping[str, Any], name: str) -> str:
    return as_text(item.get(name))


def _digest(item: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:32]
