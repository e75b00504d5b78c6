"""SendGrid's HTTP API: who may ask, what it says when it refuses, and sending.

Shapes are those of SendGrid's OpenAPI descriptions; texts of refusals are recordings from public issue trackers.
"""

import ssl
import time
from collections.abc import Mapping

from deploy.sandbox.fault import Fault
from deploy.sandbox.http_message import JSON, Request, Response
from deploy.sandbox.provider_api import Call, ProviderApi, route
from deploy.sandbox.relay import RelaySimulator
from deploy.sandbox.sendgrid_account import account_routes
from deploy.sandbox.sendgrid_errors import errors
from deploy.sandbox.sendgrid_log import log_routes
from deploy.sandbox.sendgrid_mail import RefusedMailError, is_sandboxed, mails_of
from deploy.sandbox.sendgrid_statistics import statistics_routes
from deploy.sandbox.sendgrid_suppressions import suppression_routes
from deploy.sandbox.smtp_session import Envelope

MOST_BYTES = 30 * 2**20
_CALLS_PER_MINUTE = 600
_UNVERIFIED = (
    "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. "
    "Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ "
    "to see the Sender Identity requirements"
)


class SendgridApi(ProviderApi):
    """The API of one account."""

    def __init__(
        self, relay: RelaySimulator, port: int, contexts: Mapping[str, ssl.SSLContext], keys: Mapping[str, str]
    ) -> None:
        super().__init__(relay, port, contexts)
        self._keys = keys  # "api_key", "webhook_public_key"
        self.routes = (
            route("POST", "/v3/mail/send", self._send, sends=True),
            *log_routes(relay),
            *statistics_routes(relay),
            *account_routes(relay, keys),
            *suppression_routes(relay),
        )

    def unauthorised(self, request: Request, *, sends: bool) -> Response | None:  # noqa: ARG002
        """Return the refusal of a request without the key; of one whose client takes no JSON, too."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if not key:
            return errors(401, "authorization required")
        if (scheme.lower(), key) != ("bearer", self._keys["api_key"]):
            return self._wrong_key()
        accepts = request.headers.get("accept", "*/*")
        if not any(kind in accepts for kind in (JSON, "*/*", "application/*")):
            return errors(406, "The requested media type is not supported, use application/json")
        return None

    def refusal(self, fault: Fault, request: Request) -> Response:  # noqa: ARG002
        """Return what SendGrid answers while a fault holds."""
        match fault.name:
            case "auth535":
                return self._wrong_key()
            case "suspended":
                return errors(401, "Authentication failed: account disabled")
            case "quota":
                return errors(401, "Maximum credits exceeded")
            case "key_limited":
                return errors(403, "access forbidden")
            case "wrong_region":
                return errors(451, "the requested resource is not available in this region")
            case "sender_unverified":
                return errors(403, _UNVERIFIED, "from")
            case "ratelimit" | "api_ratelimit":
                headers = {
                    "X_RateLimit_Limit": f"{float(fault.value or 0):g}",
                    "X_RateLimit_Remaining": "0",
                    "X_RateLimit_Reset": str(int(time.time()) + 60),
                }
                return errors(429, "too many requests", None, **headers)
        return errors(500, "Internal server error")

    def unknown(self, request: Request, *, path_known: bool) -> Response:  # noqa: ARG002
        """Return the answer to a path, or a method, that does not exist."""
        return errors(405, "method not allowed") if path_known else errors(404, "Not Found")

    def malformed(self, reason: str) -> Response:
        """Return the answer to what cannot be understood."""
        return errors(400, f"Bad Request: {reason}")

    def extra_headers(self) -> Mapping[str, str]:
        """Return how many calls are left this minute."""
        return {
            "X-RateLimit-Limit": str(_CALLS_PER_MINUTE),
            "X-RateLimit-Remaining": str(max(0, _CALLS_PER_MINUTE - self.calls_this_minute(count=True))),
            "X-RateLimit-Reset": str(int(time.time()) // 60 * 60 + 60),
        }

    def _wrong_key(self) -> Response:
        return errors(401, "The provided authorization grant is invalid, expired, or revoked")

    def _send(self, call: Call) -> Response:
        if len(call.request.body) > MOST_BYTES:
            return errors(413, "Payload too large. The total size of the request must not exceed 30 MB")
        queue_id = self.relay.new_id()
        ask = call.request.json()
        try:
            mails = mails_of(ask, queue_id)
        except RefusedMailError as refused:
            return errors(400, str(refused), refused.field)
        refusal = self.sender_refusal(call, mails[0].sender)
        if refusal:
            return refusal
        if is_sandboxed(ask):
            return Response(status=200)
        for mail in mails:
            envelope = Envelope(sender=mail.sender, scope=call.scope, recipients=list(mail.recipients))
            self.relay.accept(envelope, mail.content, queue_id, "api.sendgrid.test", method="http", labels=mail.labels)
        return Response(status=202, headers={"X-Message-Id": queue_id})
