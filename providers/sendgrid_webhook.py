"""SendGrid's Event Webhook: who sent a request, and what it says ("Event Webhook Security Features").

Signed are the timestamp header and the raw body, to its last CRLF, with ECDSA P-256 and SHA-256; the public key is
given as base64 SubjectPublicKeyInfo. Nothing secret is compared here: a public key verifies.
"""

import base64
import binascii
import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from providers.delivery_event import DeliveryEvent
from providers.errors import WebhookRejectedError
from providers.sendgrid_events import parse_event

SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"
MAX_BODY_BYTES = 8_000_000  # SendGrid collects up to 768 KB
MAX_EVENTS = 20_000
# SendGrid repeats a request for 24 hours until it is answered with 2xx. Whether a repeat is signed anew is not
# documented, so age alone refuses none of them.
OLDEST = timedelta(hours=24, minutes=5)
AHEAD = timedelta(minutes=5)
_REMEMBERED = 10_000  # requests; at one in 30 s, the documented rhythm, three days and a half
_MAX_HEADER_CHARACTERS = 256
_AGAIN = "it was taken before"
_JSON_BLANKS = " \t\r\n"


class EventWebhook:
    """Verifies requests with one public key and remembers those it has taken. Thread-safe."""

    def __init__(self, provider: str, public_key: str) -> None:
        self._provider = provider
        self._key = _load(public_key)
        self._taking = Lock()
        self._taken: OrderedDict[bytes, None] = OrderedDict()

    def parse(self, headers: Mapping[str, str], raw_body: bytes, now: datetime) -> tuple[DeliveryEvent, ...]:
        """Return the events of this request in their order.

        Memory and time are bounded: one event is decoded after the other. The same request is taken once;
        an event that comes again in another request is told by its `key`.

        Raises:
            WebhookRejectedError: not signed by this key, too old, taken before, too large, or no list of events.
        """
        if len(raw_body) > MAX_BODY_BYTES:
            raise self._rejected(f"it has {len(raw_body)} bytes, more than {MAX_BODY_BYTES}")
        given = {name.lower(): value for name, value in headers.items()}
        timestamp, signature = given.get(TIMESTAMP_HEADER, ""), given.get(SIGNATURE_HEADER, "")
        sent_at = self._verified(timestamp, signature, raw_body)
        if not now - OLDEST <= sent_at <= now + AHEAD:
            raise self._rejected(f"it was signed at {sent_at:%Y-%m-%d %H:%M:%S} UTC, too far from now; check the clock")
        # not the signature: whoever has one valid ECDSA signature can make a second; joined as they were signed: a
        # blank moved from one to the other makes no new request
        digest = hashlib.sha256(timestamp.encode() + raw_body).digest()
        if digest in self._taken:
            raise self._rejected(_AGAIN)
        try:
            events = tuple(self._events(raw_body.decode("utf-8"), sent_at))
        except (ValueError, RecursionError) as error:
            raise self._rejected(f"it is no list of events ({type(error).__name__})") from error
        with self._taking:
            if digest in self._taken:  # by another thread, meanwhile
                raise self._rejected(_AGAIN)
            self._taken[digest] = None
            while len(self._taken) > _REMEMBERED:
                self._taken.popitem(last=False)
        return events

    def _verified(self, timestamp: str, signature: str, raw_body: bytes) -> datetime:
        if not timestamp or not signature or max(len(timestamp), len(signature)) > _MAX_HEADER_CHARACTERS:
            raise self._rejected("it bears no signature; switch on Signed Event Webhook at SendGrid")
        try:
            der = base64.b64decode(signature, validate=True)
            self._key.verify(der, timestamp.encode() + raw_body, ec.ECDSA(hashes.SHA256()))
            return datetime.fromtimestamp(int(timestamp), tz=UTC)
        except (InvalidSignature, binascii.Error, ValueError, OverflowError, OSError) as error:
            raise self._rejected("it is not signed by the key in webhook_public_key, or was changed") from error

    def _events(self, text: str, sent_at: datetime) -> Iterator[DeliveryEvent]:
        for number, item in enumerate(_items(text)):
            if number >= MAX_EVENTS:
                raise ValueError("too many events")
            yield parse_event(self._provider, item, received_at=sent_at)

    def _rejected(self, why: str) -> WebhookRejectedError:
        return WebhookRejectedError(f'taking a webhook request for provider "{self._provider}": {why}')


def _items(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON array one by one, so that the whole never stands decoded in memory."""
    decoder = json.JSONDecoder()
    place = _skip(text, 0)
    if text[place : place + 1] != "[":
        raise ValueError("no array")
    place = _skip(text, place + 1)
    more = text[place : place + 1] != "]"
    while more:
        item, place = decoder.raw_decode(text, place)
        if not isinstance(item, dict):
            raise ValueError("no object")
        yield item
        place = _skip(text, place)
        more = text[place : place + 1] == ","
        if more:
            place = _skip(text, place + 1)
    if text[place : place + 1] != "]" or _skip(text, place + 1) != len(text):
        raise ValueError("the array does not end where the text ends")


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _JSON_BLANKS:
        place += 1
    return place


def _load(public_key: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise WebhookRejectedError(f"reading webhook_public_key: {error}; copy it again from SendGrid") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise WebhookRejectedError("reading webhook_public_key: it is no P-256 key; copy it again from SendGrid")
    return key
