"""Bounce messages: a delivery status notification as RFC 3464 has it."""

from datetime import UTC, datetime
from email.utils import format_datetime, make_msgid


def bounce_message(*, reporter: str, sender: str, recipient: str, status: str, reason: str, original: bytes) -> bytes:
    """Return the DSN that tells `sender` that `recipient` did not get the message; it carries the original headers."""
    boundary = "=_sandbox_dsn"
    headers = original.partition(b"\r\n\r\n")[0] + b"\r\n"
    text = f"""From: Mail Delivery System <mailer-daemon@{reporter}>
To: {sender}
Subject: Undelivered Mail Returned to Sender
Date: {format_datetime(datetime.now(UTC))}
Message-ID: {make_msgid(domain=reporter)}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"

--{boundary}
Content-Type: text/plain; charset=us-ascii

Your message to <{recipient}> could not be delivered: {reason}

--{boundary}
Content-Type: message/delivery-status

Reporting-MTA: dns; {reporter}

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {reason}

--{boundary}
Content-Type: text/rfc822-headers

"""
    return text.replace("\n", "\r\n").encode() + headers + f"\r\n--{boundary}--\r\n".encode()
