"""The mailbox providers' side: takes a message from a relay, stamps it, puts it into the inbox or the spam folder."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from deploy.sandbox.fault import ActiveFaults
from deploy.sandbox.maildir import write_message
from deploy.sandbox.people import SEEDS, Receiver, receiver_of


class Exchange:
    """The mail exchangers of all mailbox providers, writing straight into the Maildirs that Dovecot serves."""

    def __init__(self, mail_root: Path) -> None:
        self._root = mail_root
        self.seed_faults: Mapping[str, ActiveFaults] = {name: ActiveFaults(name) for name in SEEDS}

    def faults_of(self, address: str) -> ActiveFaults | None:
        """Return the faults of a seed's address; None for other people."""
        return next((self.seed_faults[s.name] for s in SEEDS.values() if s.address == address.lower()), None)

    def slowness(self, address: str) -> float:
        """Return how many seconds late mail reaches this mailbox, from whichever relay."""
        faults = self.faults_of(address)
        fault = faults.get("seed_slow") if faults else None
        return float(fault.value or 0) if fault else 0.0

    def deliver(
        self, *, relay: str, sender: str, recipient: str, content: bytes, queue_id: str, spam: bool, authentic: bool
    ) -> str | None:
        """Take one message for one recipient; return None, or the reply that refuses it."""
        recipient = recipient.lower()
        faults = self.faults_of(recipient)
        if faults and faults.get("seed_full"):
            return f"552 5.2.2 <{recipient}> mailbox is over quota"
        receiver = receiver_of(recipient)
        stamp = _stamp(receiver, relay, sender, recipient, queue_id, authentic=authentic)
        write_message(self._root, recipient, receiver.junk if spam else None, stamp + content)
        return None


def _stamp(receiver: Receiver, relay: str, sender: str, recipient: str, queue_id: str, *, authentic: bool) -> bytes:
    """Return the trace headers that the exchanger puts on top (RFC 5321 §4.4, RFC 8601)."""
    domain = sender.rpartition("@")[2] or relay
    verdict = "pass" if authentic else "fail"
    spf = f"spf={verdict} smtp.mailfrom={sender or 'mailer-daemon@' + relay}"
    dkim = f"dkim={verdict} header.d={domain}"
    results = {  # each in the shape the real one writes
        "gmail": f"{dkim}; {spf}; dmarc={verdict} (p=QUARANTINE dis=NONE) header.from={domain}",
        "microsoft": f"{spf}; {dkim}; dmarc={verdict} action=none header.from={domain}; compauth={verdict} reason=100",
        "yahoo": f"{dkim}; {spf}; dmarc={verdict}(p=QUARANTINE) header.from={domain};",
    }.get(receiver.name, f"{spf}; {dkim}; dmarc={verdict} header.from={domain}")
    return (
        f"Return-Path: <{sender}>\r\n"
        f"Received: from {relay} (127.0.0.1) by {receiver.exchange} with ESMTPS id {queue_id}\r\n"
        f" for <{recipient}>; {format_datetime(datetime.now(UTC))}\r\n"
        f"Authentication-Results: {receiver.exchange}; {results}\r\n"
    ).encode()
