"""SendGrid's events: one happening as the Event Webhook, the Email Logs and Email Activity show it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.happening import Happening, What
from deploy.sandbox.letter import Letter
from deploy.sandbox.suppression_book import BOUNCES, COMPLAINTS, INVALID, UNSUBSCRIBES

_DROPPED = {
    BOUNCES: "Bounced Address",
    UNSUBSCRIBES: "Unsubscribed Address",
    COMPLAINTS: "Spam Reporting Address",
    INVALID: "Invalid",
}
_NAMES = {
    What.ACCEPTED: "processed",
    What.DEFERRED: "deferred",
    What.DELIVERED: "delivered",
    What.BOUNCED: "bounce",
    What.SUPPRESSED: "dropped",
}


def sg_message_id(letter: Letter) -> str:
    """Return the id that events carry; it begins with the id that the send answered."""
    return f"{letter.id}.recvd-7d9c5b6f4-0"


def webhook_event(happening: Happening) -> dict[str, Any]:
    """Return it as the Event Webhook posts it: custom arguments stand beside the fields."""
    shown = _event(happening)
    tags = happening.letter.labels.tags
    if tags:
        shown["category"] = tags[0] if len(tags) == 1 else list(tags)  # both are seen from the real one
    return shown | dict(happening.letter.labels.variables)


def logged_event(happening: Happening) -> dict[str, Any]:
    """Return it as the Email Logs show it: custom arguments stand apart."""
    labels = happening.letter.labels
    shown = _event(happening) | {"custom_args": dict(labels.variables)}
    return shown | ({"category": list(labels.tags)} if labels.tags else {})


def status_of(happenings: Sequence[Happening]) -> str:
    """Return a message's status in the Email Logs from all that happened to it, oldest first."""
    last = happenings[-1]
    if last.what is What.BOUNCED:
        return "bounced" if _is_hard(last) else "blocked"
    return _NAMES[last.what]


def reason_of(happening: Happening) -> str:
    """Return why a message was not delivered."""
    return _DROPPED.get(happening.reply, "Invalid") if happening.what is What.SUPPRESSED else happening.reply


def iso(at: float) -> str:
    """Return a time as SendGrid writes it in JSON."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _event(happening: Happening) -> dict[str, Any]:
    letter = happening.letter
    shown: dict[str, Any] = {
        "event": _NAMES[happening.what],
        "email": letter.recipient,
        "timestamp": int(happening.at),
        "smtp-id": f"<{letter.message_id}>",
        "sg_event_id": happening.id,
        "sg_message_id": sg_message_id(letter),
    }
    match happening.what:
        case What.DELIVERED:
            shown |= {"response": happening.reply, "ip": "127.0.0.1", "tls": 1}
        case What.DEFERRED:
            shown |= {"response": happening.reply, "attempt": "1", "ip": "127.0.0.1", "tls": 1}
        case What.SUPPRESSED:
            shown |= {"reason": reason_of(happening)}
        case What.BOUNCED:
            hard = _is_hard(happening)
            shown |= {
                "reason": happening.reply,
                "status": happening.reply.split()[1],
                "type": "bounce" if hard else "blocked",
                "bounce_classification": "Invalid Address" if hard else "Reputation",
                "ip": "127.0.0.1",
                "tls": 1,
            }
    return shown


def _is_hard(happening: Happening) -> bool:
    return happening.reply.split()[1].startswith("5.1.")
