"""The probe message: plain, realistic, and the same for every provider of a round but for its token. Pure.

The token stands in Subject, a header field of its own, Message-ID and body, because relays rewrite
Message-ID, add footers and wrap MIME: no single carrier can be relied on.
"""

import re
import zlib
from datetime import datetime
from email.utils import format_datetime

from probes.errors import ProbeMessageError
from providers.base import Message

PROBE_HEADER = "X-Relaypilot-Probe"

# Ordinary service mail without links, images or offers. Receivers learn texts that repeat, so rounds vary.
_TEXTS: tuple[tuple[str, str], ...] = (
    (
        "Summary of this week's entries",
        "Hello,\n\nthe weekly summary is ready. All scheduled entries were filed, and none is waiting for you.\n"
        "The next summary follows in seven days.\n\nKind regards\n",
    ),
    (
        "Your request has been filed",
        "Good day,\n\nyour request has been filed and will be looked at in the order received.\n"
        "Please keep this note until you hear from us again.\n\nWith kind regards\n",
    ),
    (
        "Minutes of the last meeting",
        "Dear all,\n\nthe minutes of the last meeting are complete. Corrections are welcome until Friday.\n"
        "The next meeting takes place at the usual time and in the usual room.\n\nBest regards\n",
    ),
    (
        "Change of the opening hours",
        "Hello,\n\nthe office will be open from nine to five on working days. Calls are answered as before.\n"
        "Nothing else changes, and no action is needed on your side.\n\nMany thanks\n",
    ),
)
_PLAIN_ADDRESS = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")  # printable ASCII without space, "<", ">" and a second "@"


def build_probe(*, sender: str, recipient: str, token: str, round_id: str, now: datetime) -> Message:
    """Return the probe of this round to this recipient; `now` is the round's start, the same for all providers.

    Raises:
        ProbeMessageError: an address is not plain ASCII `local@domain`.
    """
    for role, address in (("sender", sender), ("recipient", recipient)):
        if not _PLAIN_ADDRESS.fullmatch(address):
            raise ProbeMessageError(
                f"building a probe: the {role} address {address!r} is not of the plain form local@domain; correct it"
            )
    subject, text = _TEXTS[zlib.crc32(round_id.encode()) % len(_TEXTS)]
    domain = sender.rpartition("@")[2]
    lines = [
        f"Date: {format_datetime(now)}",
        f"From: <{sender}>",
        f"To: <{recipient}>",
        f"Message-ID: <{token}@{domain}>",
        f"Subject: {subject} ({token})",
        f"{PROBE_HEADER}: {token}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Transfer-Encoding: 7bit",
        "Auto-Submitted: auto-generated",  # RFC 3834: no vacation replies
        "",
        *text.splitlines(),
        "",
        f"Reference: {token}",
        "",
    ]
    content = "\r\n".join(lines).encode("ascii")
    return Message(sender=sender, recipient=recipient, content=content, probe_id=token)
