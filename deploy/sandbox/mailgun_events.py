"""Mailgun's events: one happening as /v3/{domain}/events, /v1/analytics/logs and a webhook show it."""

import json
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.happening import Happening, What
from deploy.sandbox.people import SENDING_DOMAIN, receiver_of
from deploy.sandbox.suppression_book import BOUNCES, COMPLAINTS, UNSUBSCRIBES

_PROVIDERS = {"gmail": "Gmail", "microsoft": "Outlook", "yahoo": "Yahoo"}
_SUPPRESSED = {
    BOUNCES: ("suppress-bounce", 605, "Not delivering to previously bounced address"),
    UNSUBSCRIBES: ("suppress-unsubscribe", 606, "Not delivering to unsubscribed address"),
    COMPLAINTS: ("suppress-complaint", 607, "Not delivering to a user who marked your messages as spam"),
}
_WEBHOOKS = {
    What.ACCEPTED: "accepted",
    What.DEFERRED: "temporary_fail",
    What.DELIVERED: "delivered",
    What.BOUNCED: "permanent_fail",
    What.SUPPRESSED: "permanent_fail",
}


def webhook_name(happening: Happening) -> str:
    """Return the webhook that tells of it."""
    return _WEBHOOKS[happening.what]


def event(happening: Happening) -> dict[str, Any]:
    """Return it as the Events API and the webhooks show it."""
    letter = happening.letter
    receiver = receiver_of(letter.recipient)
    test = letter.labels.test_mode
    common: dict[str, Any] = {
        "id": happening.id,
        "timestamp": round(happening.at, 6),
        "log-level": "info",
        "envelope": {"sender": letter.sender, "transport": "smtp", "targets": letter.recipient},
        "flags": {"is-routed": False, "is-authenticated": True, "is-system-test": False, "is-test-mode": test},
        "message": {
            "headers": {
                "to": letter.recipient,
                "message-id": letter.message_id,
                "from": letter.author,
                "subject": letter.subject,
            },
            "attachments": [],
            "size": letter.size_bytes,
        },
        "storage": {
            "url": f"https://storage.api.mailgun.test/v3/domains/{SENDING_DOMAIN}/messages/{letter.id}",
            "key": letter.id,
            "region": "us-west1",
        },
        "recipient": letter.recipient,
        "recipient-domain": letter.recipient.rpartition("@")[2],
        "recipient-provider": _PROVIDERS.get(receiver.name, "Other"),
        "tags": list(letter.labels.tags),
        "user-variables": dict(letter.labels.variables),
    }
    return common | _own(happening, receiver.exchange)


def log_item(happening: Happening) -> dict[str, Any]:
    """Return it as the Logs API shows it."""
    item = event(happening)
    at = datetime.fromtimestamp(item.pop("timestamp"), UTC)
    item["@timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
    item["domain"] = {"name": SENDING_DOMAIN}
    item["account"] = {"id": "4711"}
    item["flags"] |= {"is-delayed-bounce": False, "is-callback": False}
    item["storage"] |= {"url": [item["storage"]["url"]], "env": "production"}
    item["user-variables"] = json.dumps(item["user-variables"])
    item["message"]["recipients"] = [happening.letter.recipient]
    return item


def failure_reason(happening: Happening) -> str:
    """Return a failed event's reason, as it stands in events and statistics."""
    if happening.what is What.SUPPRESSED:
        return _SUPPRESSED.get(happening.reply, _SUPPRESSED[BOUNCES])[0]
    return "bounce" if happening.what is What.BOUNCED else "greylisted"


def _own(happening: Happening, exchange: str) -> dict[str, Any]:
    """Return what only events of this kind carry."""
    if happening.what is What.ACCEPTED:
        return {"event": "accepted", "method": happening.letter.method}
    if happening.what is What.SUPPRESSED:
        reason, code, description = _SUPPRESSED.get(happening.reply, _SUPPRESSED[BOUNCES])
        status = {"attempt-no": 1, "message": "", "code": code, "description": description, "session-seconds": 0}
        return _failed("permanent", reason, status)
    reply_code, enhanced, *words = happening.reply.split()
    session = {
        "tls": True,
        "certificate-verified": True,
        "utf8": True,
        "mx-host": exchange,
        "code": int(reply_code),
        "enhanced-code": enhanced,
        "message": " ".join(words),
        "description": "",
        "session-seconds": 0.12,
        "attempt-no": 1,
    }
    if happening.what is What.DELIVERED:
        return {"event": "delivered", "delivery-status": session}
    if happening.what is What.DEFERRED:
        return _failed("temporary", "greylisted", {**session, "retry-seconds": 600})
    return _failed("permanent", "bounce", {**session, "bounce-type": "hard" if enhanced.startswith("5.1.") else "soft"})


def _failed(severity: str, reason: str, status: dict[str, Any]) -> dict[str, Any]:
    level = "error" if severity == "permanent" else "warn"
    return {"event": "failed", "severity": severity, "reason": reason, "log-level": level, "delivery-status": status}
