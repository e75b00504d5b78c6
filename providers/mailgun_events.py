"""One event of Mailgun's as a `DeliveryEvent`, the same for events, logs and webhooks. Pure.

Source: Mailgun's API description, "Events" and "Logs"; documentation.mailgun.com, "Event structure".
"""

import json
import re
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from providers.delivery_event import DeliveryEvent, EventType, RejectReason
from providers.untrusted import as_int, as_mapping, as_text, as_time

PROBE_VARIABLE = "relaypilot-probe"

_TYPES = {
    "accepted": EventType.QUEUED,
    "delivered": EventType.DELIVERED,
    "failed": EventType.BOUNCED,
    "rejected": EventType.REJECTED,
    "complained": EventType.COMPLAINED,
    "unsubscribed": EventType.UNSUBSCRIBED,
}
# Codes of Mailgun's own in `delivery-status`: the recipient stands on a list of its, nothing was tried.
_SUPPRESSED_CODES = {
    605: RejectReason.BOUNCED,
    606: RejectReason.UNSUBSCRIBED,
    607: RejectReason.SPAM,
    625: RejectReason.OTHER,  # "poor list quality"
}
_SUPPRESSED_REASONS = {
    "suppress-bounce": RejectReason.BOUNCED,
    "suppress-unsubscribe": RejectReason.UNSUBSCRIBED,
    "suppress-complaint": RejectReason.SPAM,
}
_REASONS = {
    "bounce": RejectReason.BOUNCED,
    "delayed-bounce": RejectReason.BOUNCED,
    "hardfail": RejectReason.BOUNCED,
    "espblock": RejectReason.BLOCKED,
    "old": RejectReason.TIMED_OUT,
}
_NO_SERVER = 498  # the recipient's domain has no mail server
_NO_CONNECTION = 499
_REPLY_CODES = range(200, 600)
_OWN_CODES = frozenset({_NO_SERVER, _NO_CONNECTION})
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,255}")
_MAX_ID_CHARACTERS = 200


def parse_event(provider: str, data: Any) -> DeliveryEvent | None:
    """Return the event, or None when it lacks what makes an event: a name, an id and a time."""
    event = as_mapping(data)
    name, identity = as_text(event.get("event")), as_text(event.get("id"))
    at = as_time(event.get("@timestamp")) or as_time(event.get("timestamp"))
    if not name or not identity or len(identity) > _MAX_ID_CHARACTERS or at is None:
        return None
    status = as_mapping(event.get("delivery-status"))
    headers = as_mapping(as_mapping(event.get("message")).get("headers"))
    code = as_int(status.get("code"))
    type_, reason, suppressed = _fate(name, event, code)
    enhanced = as_text(status.get("enhanced-code"))
    host = as_text(status.get("mx-host")) or as_text(status.get("mxhost"))
    return DeliveryEvent(
        provider=provider,
        type=type_,
        key=f"{at:%Y%m%d}-{identity}",  # Mailgun's ids are unique within one day only
        occurred_at=at,
        message_id=as_text(headers.get("message-id")).strip("<> ") or None,
        probe_id=_probe(event.get("user-variables")),
        # "rejected" tells the recipient in the message's own header only
        recipient=as_text(event.get("recipient")) or parseaddr(as_text(headers.get("to")))[1],
        reason=reason,
        suppressed=suppressed,
        reply_code=code if code in _REPLY_CODES and code not in _OWN_CODES else None,
        enhanced_code=enhanced if _ENHANCED.fullmatch(enhanced) else None,
        text=_words(event, status),
        mx_host=host if _HOST.fullmatch(host) else None,
        attempt=as_int(status.get("attempt-no")),
        test=as_mapping(event.get("flags")).get("is-test-mode") is True,
    )


def _fate(name: str, event: Mapping[str, Any], code: int | None) -> tuple[EventType, RejectReason | None, bool]:
    type_ = _TYPES.get(name, EventType.OTHER)
    if type_ is EventType.REJECTED:
        return type_, RejectReason.OTHER, False
    if type_ is EventType.COMPLAINED:
        return type_, RejectReason.SPAM, False
    if type_ is EventType.UNSUBSCRIBED:
        return type_, RejectReason.UNSUBSCRIBED, False
    if name != "failed":
        return type_, None, False
    told = as_text(event.get("reason"))
    suppressed = _SUPPRESSED_REASONS.get(told) or _SUPPRESSED_CODES.get(code or 0)
    if suppressed:
        return EventType.REJECTED, suppressed, True
    reason = _REASONS.get(told)
    if reason is None:
        reason = {_NO_SERVER: RejectReason.INVALID, _NO_CONNECTION: RejectReason.TIMED_OUT}.get(code or 0)
    # "Too old": Mailgun has given up after 8 hours, but says severity=temporary (help.mailgun.com, on retries)
    if event.get("severity") == "temporary" and told != "old":
        return EventType.DEFERRED, reason or RejectReason.OTHER, False
    return EventType.BOUNCED, reason or RejectReason.OTHER, False


def _words(event: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    reject = as_mapping(event.get("reject"))
    places = (status.get("message"), status.get("description"), reject.get("reason"), reject.get("description"))
    return next((text for place in places if (text := as_text(place))), "")


def _probe(variables: Any) -> str | None:
    if isinstance(variables, str):  # in logs a JSON text, in events and webhooks an object
        try:
            variables = json.loads(variables)
        except (ValueError, RecursionError):
            return None
    mark = as_text(as_mapping(variables).get(PROBE_VARIABLE))
    return mark if 0 < len(mark) <= _MAX_ID_CHARACTERS else None
