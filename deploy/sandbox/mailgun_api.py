"""Mailgun's HTTP API: who may ask, what it says when it refuses, and sending.

Shapes are those of Mailgun's OpenAPI description; texts of refusals are recordings from public issue trackers.
"""

import base64
import binascii
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, getaddresses

from deploy.sandbox.fault import Fault
from deploy.sandbox.http_message import Request, Response, json_response, text_response
from deploy.sandbox.mailgun_account import account_routes
from deploy.sandbox.mailgun_log import log_routes
from deploy.sandbox.mailgun_sending import (
    Form,
    RefusedFormError,
    content_of,
    header_of,
    labels_of,
    mime_of,
    recipients_of,
    send,
)
from deploy.sandbox.mailgun_statistics import statistics_routes
from deploy.sandbox.mailgun_suppressions import suppression_routes
from deploy.sandbox.people import SENDING_DOMAIN
from deploy.sandbox.provider_api import Call, ProviderApi, route
from deploy.sandbox.relay import RelaySimulator

MOST_BYTES = 25 * 2**20
_NOT_ALLOWED = f"Domain {SENDING_DOMAIN} is not allowed to send: "
_VERSIONS = ("/v1/", "/v2/", "/v3/", "/v4/", "/v5/")


class MailgunApi(ProviderApi):
    """The API of one account with one domain."""

    def __init__(
        self, relay: RelaySimulator, port: int, contexts: Mapping[str, ssl.SSLContext], keys: Mapping[str, str]
    ) -> None:
        super().__init__(relay, port, contexts)
        self._keys = keys  # "api_key", "sending_key", "webhook_signing_key"
        self.routes = (
            route("POST", "/v3/{domain}/messages", self._messages(content_of), sends=True),
            route("POST", "/v3/{domain}/messages.mime", self._messages(mime_of), sends=True),
            *log_routes(relay),
            *statistics_routes(relay),
            *account_routes(relay, keys),
            *suppression_routes(relay),
        )

    def unauthorised(self, request: Request, *, sends: bool) -> Response | None:
        """Return the refusal of a request without the account's key, or for sending the domain's."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, key = base64.b64decode(given, validate=True).decode().partition(":")
        except (ValueError, binascii.Error):
            user, key = "", ""
        allowed = {self._keys["api_key"], self._keys["sending_key"]} if sends else {self._keys["api_key"]}
        if (scheme.lower(), user) == ("basic", "api") and key in allowed:
            return None
        if key == self._keys["sending_key"]:
            return text_response(401, "Forbidden")
        return self._wrong_key(request)

    def refusal(self, fault: Fault, request: Request) -> Response:
        """Return what Mailgun answers while a fault holds."""
        later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True).replace("GMT", "UTC")
        match fault.name:
            case "auth535":
                return self._wrong_key(request)
            case "key_limited":
                return text_response(401, "Forbidden")
            case "wrong_region":
                return json_response(404, {"message": "Domain not found"})
            case "quota":
                text = f"{_NOT_ALLOWED}recipient limit exceeded, try again after {later}"
                return json_response(420, {"message": text})
            case "suspended":
                text = f"{_NOT_ALLOWED}your account is suspended, please contact support"
                return json_response(403, {"message": text})
            case "sender_unverified":
                text = f"{_NOT_ALLOWED}the domain is unverified and requires DNS configuration"
                return json_response(403, {"message": text})
            case "ratelimit" | "api_ratelimit":
                text = f"{_NOT_ALLOWED}account-requests-per-sec limit exceeded, try again after 120 seconds"
                return json_response(
                    429,
                    {"message": text},
                    X_RateLimit_Limit=f"{float(fault.value or 0):g}",
                    X_RateLimit_Remaining="0",
                    X_RateLimit_Reset=str(int(time.time()) + 120),
                )
        return json_response(500, {"message": "Internal Server Error"})

    def unknown(self, request: Request, *, path_known: bool) -> Response:
        """Return 200 and a boast for a path outside the API, which is what a wrong base URL meets."""
        if not request.path.startswith(_VERSIONS):
            return text_response(200, "Mailgun Magnificent API")
        return text_response(405, "Method Not Allowed") if path_known else text_response(404, "404 page not found\n")

    def malformed(self, reason: str) -> Response:
        """Return the answer to what cannot be understood."""
        return json_response(400, {"message": reason})

    def _wrong_key(self, request: Request) -> Response:
        if request.path.startswith("/v3/") and "/messages" in request.path:
            return text_response(401, "Forbidden")
        return json_response(401, {"message": "Invalid private key"})

    def _messages(self, read: Callable[[Form], bytes]) -> Callable[[Call], Response]:
        def handle(call: Call) -> Response:
            if call.fields["domain"] != SENDING_DOMAIN:
                return json_response(404, {"message": "Domain not found"})
            if len(call.request.body) > MOST_BYTES:
                return text_response(413, "Request Entity Too Large")
            form = call.request.form()
            try:
                recipients, labels, content = recipients_of(form), labels_of(form), read(form)
            except RefusedFormError as refused:
                return json_response(400, {"message": str(refused)})
            sender = getaddresses([header_of(content, "From")])[0][1]
            refusal = self.sender_refusal(call, sender)
            if refusal:
                return refusal
            identity = send(self.relay, content, recipients, labels, call.scope)
            return json_response(200, {"id": identity, "message": "Queued. Thank you."})

        return handle
