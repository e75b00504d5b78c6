"""The ledger of live mail: what was injected, and, by looking everywhere, what became of it."""

import json
import re
import secrets
import smtplib
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from deploy.sandbox.control import ask
from deploy.sandbox.errors import NotRunningError
from deploy.sandbox.layout import Layout
from deploy.sandbox.maildir import Copy, list_messages
from deploy.sandbox.postfix import Postfix

_ID = re.compile(rb"^X-Sandbox-Id:[ \t]*([0-9a-f]+)", re.IGNORECASE | re.MULTILINE)
_QUEUED_AS = re.compile(rb"queued as (\S+)")
_BOUNCED = re.compile(r"\]: (\S+): to=<[^>]*>.* status=(?:bounced|expired)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message that Postfix took in."""

    id: str  # also its X-Sandbox-Id header
    at: float  # seconds since the epoch
    sender: str
    recipient: str
    queue_id: str


@dataclass(slots=True, kw_only=True)
class Fate:
    """What became of one message."""

    sent: Sent
    copies: list[Copy] = field(default_factory=list)  # in the recipient's mailbox, first arrival first
    bounced: bool = False
    queued: bool = False  # in Postfix's queue
    underway: bool = False  # a relay took it and has not passed it on yet
    dropped_by: str | None = None  # the relay that says it lost it

    @property
    def place(self) -> str:
        """Return "inbox", "spam", "bounced", "queued", "underway" or "lost": where it is, the best one wins."""
        if self.copies:
            return "spam" if self.copies[0].folder else "inbox"
        for name in ("bounced", "queued", "underway"):
            if getattr(self, name):
                return name
        return "lost"

    @property
    def seconds(self) -> float | None:
        """Return how long the first copy took."""
        return self.copies[0].arrived_at - self.sent.at if self.copies else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The ledger's totals: sent = inbox + spam + bounced + queued + underway + lost."""

    sent: int
    inbox: int
    spam: int
    late: int  # of those that arrived: later than the threshold
    bounced: int
    lost: int
    twice: int  # of those that arrived: more than one copy
    queued: int
    underway: int
    dropped: int  # of those lost: a relay says that it lost them


class Ledger:
    """Injects live mail and accounts for it; safe to use from several threads."""

    def __init__(self, layout: Layout, postfix: Postfix) -> None:
        self._layout = layout
        self._postfix = postfix
        self._lock = threading.Lock()
        self._ids: dict[str, tuple[bool, tuple[str, ...]]] = {}  # mailbox file → is a DSN, ids in it

    def inject(
        self,
        connection: smtplib.SMTP,
        sender: str,
        recipient: str,
        subject: str,
        headers: Mapping[str, str],
        body: str,
    ) -> Sent:
        """Send one message on an open session to Postfix and record it once Postfix has answered 250.

        Raises:
            smtplib.SMTPException: Postfix did not take it; nothing is recorded.
        """
        identity = secrets.token_hex(8)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, recipient, subject
        message["Date"], message["Message-ID"] = (
            format_datetime(datetime.now(UTC)),
            make_msgid(domain=sender.rpartition("@")[2] or "local"),
        )
        message["X-Sandbox-Id"] = identity
        for name, value in headers.items():
            message[name] = value
        message.set_content(body)
        at = time.time()
        connection.ehlo_or_helo_if_needed()
        for code, text in (connection.mail(sender), connection.rcpt(recipient)):
            if code not in {250, 251}:
                connection.rset()
                raise smtplib.SMTPResponseException(code, text)
        code, reply = connection.data(message.as_bytes())
        if code != 250:  # noqa: PLR2004
            raise smtplib.SMTPDataError(code, reply)
        found = _QUEUED_AS.search(reply)
        sent = Sent(id=identity, at=at, sender=sender, recipient=recipient, queue_id=found[1].decode() if found else "")
        with self._lock, self._layout.ledger.open("a") as file:
            file.write(json.dumps(asdict(sent)) + "\n")
        return sent

    def sent(self) -> list[Sent]:
        """Return every message injected so far."""
        with self._lock:
            try:
                lines = self._layout.ledger.read_text().splitlines()
            except FileNotFoundError:
                return []
        return [Sent(**json.loads(line)) for line in lines]

    def fates(self) -> list[Fate]:
        """Return what became of each message.

        Mail moves while one looks: a file that changes queues during the listing is in neither. So what seems
        lost is looked for once more, and only what is nowhere both times is lost.
        """
        fates = self._look()
        missing = {f.sent.id for f in fates if f.place == "lost"}
        if not missing:
            return fates
        time.sleep(0.3)
        again = {f.sent.id: f for f in self._look()}
        return [again.get(f.sent.id, f) if f.sent.id in missing else f for f in fates]

    def fate(self, sent: Sent) -> Fate:
        """Return what became of one message."""
        return next(f for f in self.fates() if f.sent.id == sent.id)

    def counts(self, late_seconds: float = 10) -> Counts:
        """Return the totals; arrivals after `late_seconds` are late."""
        fates = self.fates()
        places = [f.place for f in fates]
        return Counts(
            sent=len(fates),
            inbox=places.count("inbox"),
            spam=places.count("spam"),
            late=sum(f.seconds is not None and f.seconds > late_seconds for f in fates),
            bounced=places.count("bounced"),
            lost=places.count("lost"),
            twice=sum(len(f.copies) > 1 for f in fates),
            queued=places.count("queued"),
            underway=places.count("underway"),
            dropped=sum(f.place == "lost" and f.dropped_by is not None for f in fates),
        )

    def _look(self) -> list[Fate]:
        # In the direction in which mail flows: what has left one place is then found in a later one.
        fates = {sent.id: Fate(sent=sent) for sent in self.sent()}
        by_queue_id = {f.sent.queue_id: f for f in fates.values()}
        for entry in self._postfix.queue():
            if entry["queue_id"] in by_queue_id:
                by_queue_id[entry["queue_id"]].queued = True
        for provider, records in self._relay_records().items():
            for record in records:
                fate = fates.get(record["sandbox_id"] or "")
                if fate and record["recipient"] == fate.sent.recipient:
                    fate.underway |= record["fate"] == "underway"
                    if record["fate"] in {"dropped", "suppressed"}:
                        fate.dropped_by = provider
        self._look_into_mailboxes(fates)
        for queue_id in _BOUNCED.findall(self._postfix.log_text()):
            if queue_id in by_queue_id:
                by_queue_id[queue_id].bounced = True
        return list(fates.values())

    def _relay_records(self) -> Mapping[str, list[dict[str, str]]]:
        try:
            return ask(self._layout.control, {"do": "accepted", "since": {}})
        except NotRunningError:
            return {}  # the world has stopped; what was underway then is lost

    def _look_into_mailboxes(self, fates: Mapping[str, Fate]) -> None:
        for copy in list_messages(self._layout.mail):
            if copy.key not in self._ids:
                try:
                    content = copy.path.read_bytes()
                except FileNotFoundError:
                    continue  # a client moved it from new to cur; found there next time
                head = content.partition(b"\r\n\r\n")[0]
                is_dsn = b"multipart/report" in head
                ids = _ID.findall(content if is_dsn else head)
                self._ids[copy.key] = (is_dsn, tuple(i.decode() for i in ids))
            is_dsn, found = self._ids[copy.key]
            for fate in (fates[i] for i in found if i in fates):
                if is_dsn:
                    fate.bounced |= copy.address == fate.sent.sender
                elif copy.address == fate.sent.recipient:
                    fate.copies.append(copy)
        for fate in fates.values():
            fate.copies.sort(key=lambda c: c.arrived_at)
