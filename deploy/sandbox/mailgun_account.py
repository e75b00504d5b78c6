"""Mailgun's word on the account: the domain, its DNS records, its sending queues, webhooks, the signing key."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from deploy.sandbox.http_message import Response, json_response
from deploy.sandbox.people import SENDING_DOMAIN
from deploy.sandbox.provider_api import Call, Handler, Route, route
from deploy.sandbox.relay import RelaySimulator

WEBHOOKS = (
    "accepted",
    "delivered",
    "opened",
    "clicked",
    "unsubscribed",
    "complained",
    "temporary_fail",
    "permanent_fail",
)
_MESSAGES_PER_MONTH = 100_000
_NOT_FOUND = {"message": "Domain not found"}


def account_routes(relay: RelaySimulator, keys: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the routes that tell how the account stands."""

    def of_domain(handler: Handler) -> Handler:
        def handle(call: Call) -> Response:
            return handler(call) if call.fields["name"] == SENDING_DOMAIN else json_response(404, _NOT_FOUND)

        return handle

    return (
        route("GET", "/v4/domains", lambda call: _domains(relay, call)),
        route("GET", "/v4/domains/{name}", of_domain(lambda _call: json_response(200, _state(relay)))),
        route("PUT", "/v4/domains/{name}/verify", of_domain(lambda _call: json_response(200, _verified(relay)))),
        route("GET", "/v3/domains/{name}/sending_queues", of_domain(lambda _call: json_response(200, _queues(relay)))),
        route("GET", "/v3/domains/{name}/webhooks", of_domain(lambda _call: json_response(200, _webhooks(relay)))),
        route("POST", "/v3/domains/{name}/webhooks", of_domain(lambda call: _add_webhook(relay, call))),
        route("GET", "/v5/accounts/limit/custom/monthly", lambda _call: json_response(200, _limit(relay))),
        route("GET", "/v5/accounts/http_signing_key", lambda _call: _signing_key(keys)),
    )


def _domain(relay: RelaySimulator) -> dict[str, Any]:
    suspended, unverified = relay.faults.get("suspended"), relay.faults.get("sender_unverified")
    domain = {
        "created_at": "Thu, 13 Oct 2022 18:02:00 GMT",
        "id": "635f0b7d2a1c4e5f6a7b8c9d",
        "is_disabled": bool(suspended),
        "name": SENDING_DOMAIN,
        "require_tls": False,
        "skip_verification": False,
        "smtp_login": f"postmaster@{SENDING_DOMAIN}",
        "spam_action": "disabled",
        "state": "disabled" if suspended else "unverified" if unverified else "active",
        "type": "custom",
        "use_automatic_sender_security": False,
        "web_prefix": "email",
        "web_scheme": "https",
        "wildcard": False,
        "encrypt_incoming_message": False,
        "message_ttl": 259200,
    }
    if suspended:
        text = "Your account is suspended, please contact support"
        domain["disabled"] = {"code": "suspended", "note": text, "permanently": False, "reason": text}
    return domain


def _state(relay: RelaySimulator) -> dict[str, Any]:
    good = not relay.faults.get("sender_unverified")
    sending = [
        ("TXT", SENDING_DOMAIN, "v=spf1 include:mailgun.org ~all"),
        ("TXT", f"mx._domainkey.{SENDING_DOMAIN}", "k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC"),
        ("CNAME", f"email.{SENDING_DOMAIN}", "mailgun.org"),
    ]
    return {
        "domain": _domain(relay),
        "receiving_dns_records": [
            _record("MX", None, f"mx{letter}.mailgun.org", good=good) | {"priority": "10"} for letter in "ab"
        ],
        "sending_dns_records": [_record(kind, name, value, good=good) for kind, name, value in sending],
    }


def _record(kind: str, name: str | None, value: str, *, good: bool) -> dict[str, Any]:
    record: dict[str, Any] = {
        "is_active": good,
        "cached": [value] if good else [],
        "record_type": kind,
        "valid": "valid" if good else "unknown",
        "value": value,
    }
    return record | ({"name": name} if name else {})


def _domains(relay: RelaySimulator, call: Call) -> Response:
    items = [_domain(relay)]
    wanted = call.request.asked("state")
    items = [item for item in items if wanted in {"", item["state"]}]
    return json_response(200, {"total_count": len(items), "items": items})


def _verified(relay: RelaySimulator) -> dict[str, Any]:
    return {"message": "Domain DNS records have been updated", **_state(relay)}


def _queues(relay: RelaySimulator) -> dict[str, Any]:
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True).replace("GMT", "UTC")
    reasons = {
        "suspended": "your account is suspended, please contact support",
        "quota": "recipient limit exceeded",
    }
    reason = next((text for name, text in reasons.items() if relay.faults.get(name)), None)
    regular: dict[str, Any] = {"is_disabled": reason is not None}
    if reason:
        regular["disabled"] = {"until": until, "reason": reason}
    return {"regular": regular, "scheduled": {"is_disabled": False}}


def _webhooks(relay: RelaySimulator) -> dict[str, Any]:
    return {"webhooks": {name: {"urls": [relay.webhooks[name]]} for name in WEBHOOKS if name in relay.webhooks}}


def _add_webhook(relay: RelaySimulator, call: Call) -> Response:
    form = call.request.form()
    name, url = (form.get(key, [b""])[-1].decode("utf-8", "replace") for key in ("id", "url"))
    if name not in WEBHOOKS or not url.startswith(("http://", "https://")):
        return json_response(400, {"Reason": "Invalid webhook name or URL"})
    relay.webhooks[name] = url
    return json_response(200, {"message": "Webhook has been created", "webhook": {"urls": [url]}})


def _limit(relay: RelaySimulator) -> dict[str, Any]:
    used = _MESSAGES_PER_MONTH if relay.faults.get("quota") else len(relay.accepted)
    return {"limit": _MESSAGES_PER_MONTH, "current": min(used, _MESSAGES_PER_MONTH), "period": "1m"}


def _signing_key(keys: Mapping[str, str]) -> Response:
    return json_response(200, {"message": "success", "http_signing_key": keys["webhook_signing_key"]})
