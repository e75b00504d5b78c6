"""Requests to our webhook that claim to come from Mailgun (documentation.mailgun.com, "Securing webhooks").

The signature, hex HMAC-SHA256 of timestamp and token, does not cover the rest of the body. So a token counts once, and
only while it is young; those that are young are remembered.
"""

import hashlib
import hmac
import json
from collections import OrderedDict
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

from providers.delivery_event import DeliveryEvent
from providers.errors import WebhookRejectedError
from providers.mailgun_events import parse_event
from providers.untrusted import as_mapping

MAX_BODY_BYTES: Final = 512_000  # one event; Mailgun lets a message carry 16 KB of options
MAX_AGE_SECONDS: Final = 900  # as Mailgun's own library has it
MAX_TOKENS: Final = 50_000
_MAX_TIMESTAMP_CHARACTERS = 12
_MAX_TOKEN_CHARACTERS = 100
_SIGNATURE_CHARACTERS = 64


class MailgunWebhook:
    """Verifies requests with one signing key, and remembers which it has taken. Thread-safe."""

    def __init__(self, provider: str, signing_key: str, *, max_tokens: int = MAX_TOKENS) -> None:
        self._provider = provider
        self._key = signing_key.encode()
        self._max_tokens = max_tokens
        self._taken: OrderedDict[bytes, int] = OrderedDict()  # digest of each token, and its time
        self._forgotten_until = 0  # what is not younger than this may have been taken and forgotten
        self._taking = Lock()

    def parse(self, raw_body: bytes, now: datetime) -> tuple[DeliveryEvent, ...]:
        """Return the event of this request.

        Raises:
            WebhookRejectedError: not signed with the key, too old or from the future, taken before, too large, or
                not understood.
        """
        if len(raw_body) > MAX_BODY_BYTES:
            raise self._rejected(f"the body is larger than {MAX_BODY_BYTES} bytes")
        body = self._json(raw_body)
        signed_at, token = self._verified(as_mapping(as_mapping(body).get("signature")))
        age = now.timestamp() - signed_at
        if abs(age) > MAX_AGE_SECONDS:
            raise self._rejected(
                f"it was signed {abs(age):.0f} s {'ago' if age > 0 else 'in the future'}, more than {MAX_AGE_SECONDS}; "
                "if this goes on, set this machine's clock"
            )
        event = parse_event(self._provider, as_mapping(body).get("event-data"))
        if event is None:
            raise self._rejected("it is signed, but holds no event that is understood")
        self._take(token, signed_at, now)
        return (event,)

    def _json(self, raw_body: bytes) -> Any:
        try:
            return json.loads(raw_body)
        except (ValueError, RecursionError) as error:
            raise self._rejected("the body is not JSON, or not all of it") from error

    def _verified(self, signature: Any) -> tuple[int, str]:
        timestamp, token, given = (signature.get(name) for name in ("timestamp", "token", "signature"))
        if isinstance(timestamp, int) and not isinstance(timestamp, bool):
            timestamp = str(timestamp)
        if not (
            isinstance(timestamp, str)
            and isinstance(token, str)
            and isinstance(given, str)
            and timestamp.isascii()
            and timestamp.isdigit()
            and len(timestamp) <= _MAX_TIMESTAMP_CHARACTERS
            and 0 < len(token) <= _MAX_TOKEN_CHARACTERS
            and token.isascii()
            and len(given) == _SIGNATURE_CHARACTERS
            and given.isascii()
        ):
            raise self._rejected("it is not signed as Mailgun signs")
        wanted = hmac.new(self._key, (timestamp + token).encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, given):
            raise self._rejected("the signature is not of our webhook signing key")
        return int(timestamp), token

    def _take(self, token: str, signed_at: int, now: datetime) -> None:
        digest = hashlib.sha256(token.encode()).digest()[:16]
        with self._taking:
            if digest in self._taken or signed_at <= self._forgotten_until:
                raise self._rejected("it has been taken before")
            self._taken[digest] = signed_at
            oldest = now.astimezone(UTC).timestamp() - MAX_AGE_SECONDS
            while self._taken:
                first = next(iter(self._taken.values()))
                if first >= oldest and len(self._taken) <= self._max_tokens:
                    break
                self._taken.popitem(last=False)
                self._forgotten_until = max(self._forgotten_until, first)

    def _rejected(self, why: str) -> WebhookRejectedError:
        return WebhookRejectedError(f'reading a webhook request for provider "{self._provider}": {why}; it was dropped')
