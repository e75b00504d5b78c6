"""One relay provider: its port, its faults, what it saw, and what it does with the mail it took."""

import asyncio
import hashlib
import random
import re
import secrets
import ssl
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime, make_msgid
from pathlib import Path

from deploy.sandbox.authority import EXPIRED
from deploy.sandbox.dialect import Dialect
from deploy.sandbox.dsn import bounce_message
from deploy.sandbox.exchange import Exchange
from deploy.sandbox.fault import ActiveFaults, Fault, Scope
from deploy.sandbox.happening import EventLog, Happening, What
from deploy.sandbox.letter import Labels, Letter, read_letter, smtp_labels, without_orders
from deploy.sandbox.listener import Listener, Mode
from deploy.sandbox.people import receiver_of
from deploy.sandbox.smtp_session import Envelope, Session
from deploy.sandbox.suppression_book import BLOCKS, BOUNCES, Entry, SuppressionBook

SANDBOX_ID = re.compile(rb"^X-Sandbox-Id:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^Message-ID:[^\r\n]*(\r\n[ \t][^\r\n]*)*\r\n", re.IGNORECASE | re.MULTILINE)


@dataclass(slots=True, kw_only=True)
class Accepted:
    """One recipient of one message that the relay answered 250 to."""

    id: str
    at: float  # seconds since the epoch
    sender: str
    recipient: str
    sha256: str  # of the content as received
    size_bytes: int
    sandbox_id: str | None
    fate: str = "underway"  # then "delivered", "dropped", "suppressed", "returned" or "test" (taken for show)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One AUTH attempt."""

    at: float
    username: str
    password: str
    accepted: bool
    tls: bool


class RelaySimulator:
    """A relay that speaks one dialect on one port and forwards to the mailbox providers."""

    def __init__(self, dialect: Dialect, password: str, port: int, certificates: Path, exchange: Exchange) -> None:
        self.dialect = dialect
        self.password = password
        self.faults = ActiveFaults(dialect.name)
        self.contexts: Mapping[str, ssl.SSLContext] = {
            "good": tls_context(certificates / f"{dialect.server_name}.pem"),
            "expired": tls_context(certificates / f"{dialect.server_name}.{EXPIRED}.pem"),
        }
        self.accepted: list[Accepted] = []
        self.logins: list[Login] = []
        self.suppressions = SuppressionBook()
        self.events = EventLog()
        self.webhooks: dict[str, str] = {}  # the provider's name of a kind of event → URL
        self.doors: list[Listener] = []  # other ports that are as reachable as this relay
        self._exchange = exchange
        self._random = random.Random(dialect.name)
        self._passed: deque[float] = deque()
        self._listener = Listener(lambda reader, writer: Session(self, reader, writer).run(), port)
        self._tasks: set[asyncio.Task[None]] = set()
        self._flapping: asyncio.Task[None] | None = None
        self._cut_off = False

    async def open(self) -> None:
        """Start listening."""
        for listener in (self._listener, *self.doors):
            await listener.become(Mode.OPEN)

    async def apply(self, fault: Fault) -> None:
        """Switch a fault on, for new sessions at once and for open ones at their next command."""
        if fault.inner and fault.flap:
            await self._stop_flapping()
            self.faults.put(fault)
            self._flapping = asyncio.create_task(self._flap(fault.inner, *fault.flap))
            await asyncio.sleep(0)
        else:
            self.faults.put(fault)
            await self._settle()

    async def heal(self, name: str | None = None) -> None:
        """Switch one fault off, or all."""
        if name in {None, "flap"}:
            await self._stop_flapping()
        self.faults.remove(name)
        await self._settle()

    async def cut(self, *, off: bool) -> None:
        """Make this relay unreachable without a fault of its own, or reachable again."""
        self._cut_off = off
        await self._settle()

    async def flowing(self) -> None:
        """Return when packets flow."""
        await self._listener.flowing.wait()

    def saw_login(self, *, username: str, password: str, accepted: bool, tls: bool) -> None:
        """Record one AUTH attempt."""
        self.logins.append(Login(at=time.time(), username=username, password=password, accepted=accepted, tls=tls))

    def over_rate(self, per_minute: float) -> bool:
        """Count one message against the last minute's and return whether it is over the rate."""
        now = time.monotonic()
        while self._passed and self._passed[0] < now - 60:
            self._passed.popleft()
        if len(self._passed) >= per_minute:
            return True
        self._passed.append(now)
        return False

    def new_id(self) -> str:
        """Return a queue id."""
        return secrets.token_urlsafe(12).replace("-", "x").replace("_", "y")

    def accept(
        self,
        envelope: Envelope,
        content: bytes,
        queue_id: str,
        helo: str,
        *,
        method: str = "smtp",
        labels: Labels | None = None,
    ) -> None:
        """Record a message and send it on its way, one copy a recipient."""
        found = SANDBOX_ID.search(content.partition(b"\r\n\r\n")[0] + b"\r\n")
        if labels is None:
            labels = smtp_labels(content) if self.dialect.reads_orders else Labels()
        if self.dialect.rewrites_message_id:
            fresh = f"Message-ID: {make_msgid(domain=self.dialect.server_name)}\r\n".encode()
            sent = _MESSAGE_ID.sub(fresh, content, count=1)
        else:
            sent = without_orders(content) if self.dialect.reads_orders else content
        letter = read_letter(
            sent, queue_id=queue_id, sender=envelope.sender, recipient="", method=method, labels=labels
        )
        sent = self._trace(helo, queue_id) + sent
        for recipient in envelope.recipients:
            record = Accepted(
                id=queue_id,
                at=time.time(),
                sender=envelope.sender,
                recipient=recipient,
                sha256=hashlib.sha256(content).hexdigest(),
                size_bytes=len(content),
                sandbox_id=found[1].decode("ascii", "replace") if found else None,
            )
            self.accepted.append(record)
            copy = replace(letter, recipient=recipient)
            self._happened(What.ACCEPTED, copy)
            task = asyncio.create_task(self._forward(record, sent, envelope.scope, copy))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def status(self) -> dict[str, object]:
        """Return a summary for people."""
        return {
            "name": self.dialect.name,
            "port": self._listener.port,
            "faults": [str(f) for f in self.faults],
            "accepted": len(self.accepted),
            "underway": sum(a.fate == "underway" for a in self.accepted),
            "logins": len(self.logins),
        }

    def records(self, since: int = 0) -> list[dict[str, object]]:
        """Return what was accepted, from record number `since` on."""
        return [asdict(a) for a in self.accepted[since:]]

    async def _forward(self, record: Accepted, content: bytes, strikes: Scope, letter: Letter) -> None:
        # Decided now: what a message meets is what held when it was accepted.
        if listed := self.suppressions.keeps_back(record.recipient):
            record.fate = "suppressed"
            self._happened(What.SUPPRESSED, letter, listed)
            return
        if letter.labels.test_mode:
            record.fate = "test"
            return
        if strikes("drop"):
            record.fate = "dropped"
            return
        spam_at = strikes("spam_at")
        spam = bool(strikes("spam") or (spam_at and spam_at.value == receiver_of(record.recipient).name))
        authentic = not strikes("auth_broken")
        bounce = "550 5.7.1 message refused by the recipient's mail system" if strikes("bounce_later") else None
        if record.recipient.lower().startswith("nosuch"):  # by SMTP refused at once
            bounce = f"550 5.1.1 <{record.recipient}> mailbox does not exist"
        late = strikes("late")
        slow = self._exchange.slowness(record.recipient)
        delay = max(float(late.value or 0) if late else 0.0, slow)
        if slow:
            self._happened(What.DEFERRED, letter, "451 4.7.0 too busy, please try again later")
        if delay:
            await asyncio.sleep(delay)
        if bounce is None:
            bounce = self._exchange.deliver(
                relay=self.dialect.server_name,
                sender=record.sender,
                recipient=record.recipient,
                content=content,
                queue_id=record.id,
                spam=spam,
                authentic=authentic,
            )
        if bounce:
            self._remember(record.recipient, bounce)
            self._return(record, content, bounce)
        self._happened(What.BOUNCED if bounce else What.DELIVERED, letter, bounce or "250 2.0.0 OK")
        record.fate = "returned" if bounce else "delivered"

    def _happened(self, what: What, letter: Letter, reply: str = "") -> None:
        late = self.faults.get("events_late")
        now = time.time()
        # Each one late by its own time: what happened first may be stored last.
        stored_at = now + self._random.uniform(0, float(late.value or 0)) if late else now
        self.events.add(Happening(what=what, letter=letter, reply=reply, at=now, stored_at=stored_at))

    def _remember(self, recipient: str, reply: str) -> None:
        """Put a recipient that does not exist on the list of bounces, and who refused for another reason on blocks."""
        code, status, *_ = reply.split()
        entry = Entry(address=recipient, reason=reply, code=code, status=status)
        self.suppressions.add(BOUNCES if status.startswith("5.1.") else BLOCKS, entry)

    def _return(self, record: Accepted, content: bytes, reason: str) -> None:
        if not record.sender:
            return  # a bounce is never bounced (RFC 5321 §4.5.5)
        self._exchange.deliver(
            relay=self.dialect.server_name,
            sender="",
            recipient=record.sender,
            content=bounce_message(
                reporter=self.dialect.server_name,
                sender=record.sender,
                recipient=record.recipient,
                status=reason.split()[1],
                reason=reason,
                original=content,
            ),
            queue_id=self.new_id(),
            spam=False,
            authentic=True,
        )

    def _trace(self, helo: str, queue_id: str) -> bytes:
        name = self.dialect.server_name
        now = format_datetime(datetime.now(UTC))
        return f"Received: from {helo} (127.0.0.1) by {name} with ESMTPSA id {queue_id}; {now}\r\n".encode()

    async def _settle(self) -> None:
        """Bring the port to what the faults that hold for every connection ask for."""
        down, hole = self.faults.get("down"), self.faults.get("blackhole")
        refusing = self._cut_off or (down is not None and down.share >= 1)
        mode = Mode.REFUSING if refusing else Mode.STALLED if hole and hole.share >= 1 else Mode.OPEN
        for listener in (self._listener, *self.doors):
            await listener.become(mode)

    async def _flap(self, inner: Fault, on_seconds: float, off_seconds: float) -> None:
        while True:
            await self.apply(inner)
            await asyncio.sleep(on_seconds)
            await self.heal(inner.name)
            await asyncio.sleep(off_seconds)

    async def _stop_flapping(self) -> None:
        if self._flapping:
            flap = self.faults.get("flap")
            self._flapping.cancel()
            await asyncio.gather(self._flapping, return_exceptions=True)
            self._flapping = None
            if flap and flap.inner:
                self.faults.remove(flap.inner.name)


def tls_context(pem: Path) -> ssl.SSLContext:
    """Return a server's context with this key and certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pem)
    return context
