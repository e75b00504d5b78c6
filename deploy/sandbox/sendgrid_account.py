"""SendGrid's word on the account: scopes, credits, authenticated domains, verified senders, the webhook's key."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.sandbox.http_message import Response, json_response
from deploy.sandbox.people import SENDING_DOMAIN
from deploy.sandbox.provider_api import Call, Route, route
from deploy.sandbox.relay import RelaySimulator
from deploy.sandbox.sendgrid_errors import complaint, errors

_CREDITS = 100_000
_DOMAIN_ID = 4711
_WEBHOOK_ID = "77d4a5da-7015-11ed-a1eb-0242ac120002"
_SCOPES = (
    "mail.send",
    "messages.read",
    "email_activity.read",
    "stats.read",
    "suppression.read",
    "suppression.update",
    "suppression.delete",
    "asm.suppressions.global.create",
    "user.credits.read",
    "whitelabel.read",
    "whitelabel.update",
    "sender_verification_eligible",
)
_WEBHOOK_FLAGS = ("processed", "deferred", "delivered", "bounce", "dropped", "spam_report", "unsubscribe")


def account_routes(relay: RelaySimulator, keys: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the routes that tell how the account stands."""
    return (
        route("GET", "/v3/scopes", lambda _call: json_response(200, {"scopes": list(_SCOPES)})),
        route("GET", "/v3/user/account", lambda _call: json_response(200, _account(relay))),
        route("GET", "/v3/user/credits", lambda _call: json_response(200, _credits(relay))),
        route("GET", "/v3/verified_senders", lambda _call: json_response(200, {"results": _senders(relay)})),
        route("GET", "/v3/whitelabel/domains", lambda call: _domains(relay, call)),
        route("GET", "/v3/whitelabel/domains/{id}", lambda call: _one_domain(relay, call)),
        route("POST", "/v3/whitelabel/domains/{id}/validate", lambda call: _validated(relay, call)),
        route("GET", "/v3/user/webhooks/event/settings/all", lambda _call: json_response(200, _webhooks(relay, keys))),
        route("GET", "/v3/user/webhooks/event/settings/signed/{id}", lambda call: _signed(keys, call)),
    )


def _account(relay: RelaySimulator) -> dict[str, Any]:
    return {"type": "paid", "reputation": 41.0 if relay.faults.get("suspended") else 99.7}


def _credits(relay: RelaySimulator) -> dict[str, Any]:
    used = _CREDITS if relay.faults.get("quota") else min(len(relay.accepted), _CREDITS)
    first = datetime.now(UTC).replace(day=1)
    return {
        "remain": _CREDITS - used,
        "total": _CREDITS,
        "overage": 0,
        "used": used,
        "last_reset": first.strftime("%Y-%m-%d"),
        "next_reset": (first + timedelta(days=32)).replace(day=1).strftime("%Y-%m-%d"),
        "reset_frequency": "monthly",
    }


def _senders(relay: RelaySimulator) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "nickname": name,
            "from_email": f"{name}@{SENDING_DOMAIN}",
            "from_name": name.title(),
            "reply_to": f"{name}@{SENDING_DOMAIN}",
            "reply_to_name": name.title(),
            "address": "1 Sandbox Street",
            "address2": "",
            "state": "",
            "city": "Loopback",
            "zip": "12700",
            "country": "Nowhere",
            "verified": not relay.faults.get("sender_unverified"),
            "locked": False,
        }
        for number, name in enumerate(("news", "probe"), 1)
    ]


def _domain(relay: RelaySimulator) -> dict[str, Any]:
    valid = not relay.faults.get("sender_unverified")
    records = {
        "mail_cname": (f"em{_DOMAIN_ID}.{SENDING_DOMAIN}", "u4711.wl.sendgrid.net"),
        "dkim1": (f"s1._domainkey.{SENDING_DOMAIN}", "s1.domainkey.u4711.wl.sendgrid.net"),
        "dkim2": (f"s2._domainkey.{SENDING_DOMAIN}", "s2.domainkey.u4711.wl.sendgrid.net"),
    }
    return {
        "id": _DOMAIN_ID,
        "user_id": 4711,
        "subdomain": f"em{_DOMAIN_ID}",
        "domain": SENDING_DOMAIN,
        "username": "sandbox",
        "ips": [],
        "custom_spf": False,
        "default": True,
        "legacy": False,
        "automatic_security": True,
        "valid": valid,
        "dns": {
            name: {"valid": valid, "type": "cname", "host": host, "data": data}
            for name, (host, data) in records.items()
        },
    }


def _domains(relay: RelaySimulator, call: Call) -> Response:
    wanted = call.request.asked("domain")
    return json_response(200, [_domain(relay)] if wanted in {"", SENDING_DOMAIN} else [])


def _one_domain(relay: RelaySimulator, call: Call) -> Response:
    if call.fields["id"] != str(_DOMAIN_ID):
        return errors(404, "Domain not found")
    return json_response(200, _domain(relay))


def _validated(relay: RelaySimulator, call: Call) -> Response:
    if call.fields["id"] != str(_DOMAIN_ID):
        return errors(404, "Domain not found")
    domain = _domain(relay)
    results: dict[str, dict[str, Any]] = {}
    for name, record in domain["dns"].items():
        results[name] = {"valid": record["valid"]}
        if not record["valid"]:
            expected = f'Expected CNAME for "{record["host"]}" to match "{record["data"]}".'
            results[name]["reason"] = expected
    return json_response(200, {"id": _DOMAIN_ID, "valid": domain["valid"], "validation_results": results})


def _webhooks(relay: RelaySimulator, keys: Mapping[str, str]) -> dict[str, Any]:
    url = relay.webhooks.get("event")
    one = {"id": _WEBHOOK_ID, "enabled": True, "url": url, "public_key": keys["webhook_public_key"]}
    return {"max_allowed": 5, "webhooks": [one | dict.fromkeys(_WEBHOOK_FLAGS, True)] if url else []}


def _signed(keys: Mapping[str, str], call: Call) -> Response:
    if call.fields["id"] != _WEBHOOK_ID:
        return complaint(404, "webhook not found")
    return json_response(200, {"id": _WEBHOOK_ID, "public_key": keys["webhook_public_key"]})
