"""Webhooks as the providers post them: Mailgun one event signed by HMAC, SendGrid batches signed by ECDSA."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.sandbox.happening import Happening
from deploy.sandbox.http_wire import post
from deploy.sandbox.mailgun_events import event, webhook_name
from deploy.sandbox.relay import RelaySimulator
from deploy.sandbox.sendgrid_events import webhook_event

# The providers' own schedules, 600 times as fast: Mailgun 10 and 10 minutes, 15, 30, then 1, 2 and 4 hours.
_RETRY_SECONDS = (1.0, 1.0, 1.5, 3.0, 6.0, 12.0, 24.0)
_BATCH_SECONDS = 0.1  # really 30
_NOT_ACCEPTABLE = 406  # Mailgun: do not try again
_POST_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST that was made."""

    at: float  # seconds since the epoch
    events: int
    status: int  # 0: no answer


class Webhooks:
    """Posts what happens at one relay to the URLs in `relay.webhooks`, and tries again as its provider does."""

    def __init__(self, relay: RelaySimulator, ca_file: Path) -> None:
        self.attempts: list[Attempt] = []
        self._relay = relay
        self._ca_file = ca_file
        self._tasks: set[asyncio.Task[None]] = set()
        relay.events.watchers.append(self.tell)

    def tell(self, happening: Happening) -> None:
        """Begin to post one happening."""
        raise NotImplementedError

    def start(self, coroutine: Any) -> None:
        """Run a coroutine beside everything else."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send(
        self, url: str, events: int, signed: Callable[[], tuple[bytes, dict[str, str]]], *, done: Callable[[int], bool]
    ) -> None:
        """Post until `done` likes the status or the schedule ends; every attempt is signed anew."""
        context = ssl.create_default_context(cafile=str(self._ca_file)) if url.startswith("https:") else None
        for pause in (*_RETRY_SECONDS, None):
            body, headers = signed()
            try:
                status = await asyncio.wait_for(post(url, body, headers, context), _POST_SECONDS)
            except (OSError, TimeoutError):
                status = 0
            self.attempts.append(Attempt(at=time.time(), events=events, status=status))
            if done(status) or pause is None:
                return
            await asyncio.sleep(pause)


class MailgunWebhooks(Webhooks):
    """One POST an event, signed by HMAC-SHA256 over timestamp and token (Mailgun, "Securing webhooks")."""

    def __init__(self, relay: RelaySimulator, ca_file: Path, signing_key: str) -> None:
        super().__init__(relay, ca_file)
        self._signing_key = signing_key.encode()

    def tell(self, happening: Happening) -> None:
        """Begin to post one happening."""
        url = self._relay.webhooks.get(webhook_name(happening))
        if url:
            self.start(self._deliver(url, happening))

    async def _deliver(self, url: str, happening: Happening) -> None:
        await asyncio.sleep(max(0.0, happening.stored_at - time.time()))
        await self.send(url, 1, lambda: self._signed(happening), done=lambda s: s in {200, _NOT_ACCEPTABLE})

    def _signed(self, happening: Happening) -> tuple[bytes, dict[str, str]]:
        timestamp, token = str(int(time.time())), secrets.token_hex(25)
        signature = hmac.new(self._signing_key, (timestamp + token).encode(), hashlib.sha256).hexdigest()
        signed = {"timestamp": timestamp, "token": token, "signature": signature}
        body = json.dumps({"signature": signed, "event-data": event(happening)}).encode()
        return body, {"Content-Type": "application/json", "User-Agent": "mailgun/treq-20"}


class SendgridWebhooks(Webhooks):
    """Batches in one JSON array that ends in CRLF, signed by ECDSA over timestamp and raw body."""

    def __init__(self, relay: RelaySimulator, ca_file: Path, private_key: str) -> None:
        super().__init__(relay, ca_file)
        key = load_pem_private_key(private_key.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the Event Webhook is signed by an elliptic curve key")
        self._key = key
        self._waiting: list[Happening] = []

    def tell(self, happening: Happening) -> None:
        """Begin to post one happening, together with those of the same moment."""
        url = self._relay.webhooks.get("event")
        if url:
            self._waiting.append(happening)
            if len(self._waiting) == 1:
                self.start(self._flush(url))

    async def _flush(self, url: str) -> None:
        await asyncio.sleep(_BATCH_SECONDS)
        batch, self._waiting = self._waiting, []
        await asyncio.sleep(max(0.0, max(h.stored_at for h in batch) - time.time()))
        body = json.dumps([webhook_event(h) for h in batch], separators=(",", ":")).encode() + b"\r\n"
        await self.send(url, len(batch), lambda: self._signed(body), done=lambda status: status // 100 == 2)  # noqa: PLR2004

    def _signed(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        timestamp = str(int(time.time()))
        signature = base64.b64encode(self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()
        return body, {
            "Content-Type": "application/json",
            "User-Agent": "SendGrid Event API",
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }
