"""One recipient's copy of a message as a provider's events show it, with the labels its sender put on it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from typing import Any

_ONLY_FOR_THE_RELAY = (b"x-mailgun-", b"x-smtpapi:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What the sender wants to find again in the events, and how the message is to be treated."""

    tags: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    test_mode: bool = False  # taken, never delivered


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message to one recipient."""

    id: str  # the provider's
    message_id: str  # Message-ID without its brackets
    sender: str
    author: str  # the From header
    recipient: str
    subject: str
    size_bytes: int
    method: str  # "smtp" or "http": how it came in
    labels: Labels


def read_letter(content: bytes, *, queue_id: str, sender: str, recipient: str, method: str, labels: Labels) -> Letter:
    """Return the letter that this content is to this recipient."""
    headers = _headers(content)
    return Letter(
        id=queue_id,
        message_id=str(headers["Message-ID"] or queue_id).strip(" <>"),
        sender=sender,
        author=str(headers["From"] or sender),
        recipient=recipient,
        subject=str(headers["Subject"] or ""),
        size_bytes=len(content),
        method=method,
        labels=labels,
    )


def smtp_labels(content: bytes) -> Labels:
    """Return the labels in the headers that Mailgun (X-Mailgun-Tag and others) and SendGrid (X-SMTPAPI) read."""
    headers = _headers(content)
    variables = _object(headers["X-Mailgun-Variables"])
    tags = [str(tag) for tag in headers.get_all("X-Mailgun-Tag", [])]
    orders = _object(headers["X-SMTPAPI"])
    category = orders.get("category", [])
    tags += [str(c) for c in category] if isinstance(category, list) else [str(category)]
    if isinstance(orders.get("unique_args"), dict):
        variables |= orders["unique_args"]
    return Labels(
        tags=tuple(tags),
        variables={name: str(value) for name, value in variables.items()},
        test_mode=str(headers["X-Mailgun-Drop-Message"] or "").strip().lower() in {"yes", "true"},
    )


def without_orders(content: bytes) -> bytes:
    """Return the content without the headers that were meant for the relay alone."""
    head, separator, body = content.partition(b"\r\n\r\n")
    kept: list[bytes] = []
    dropping = False
    for line in head.split(b"\r\n"):
        dropping = dropping if line[:1] in {b" ", b"\t"} else line.lower().startswith(_ONLY_FOR_THE_RELAY)
        if not dropping:
            kept.append(line)
    return b"\r\n".join(kept) + separator + body


def _headers(content: bytes) -> EmailMessage:
    head = content.partition(b"\r\n\r\n")[0]
    parser: BytesHeaderParser[EmailMessage] = BytesHeaderParser(policy=policy.compat32)  # type: ignore[arg-type]
    return parser.parsebytes(head + b"\r\n\r\n")


def _object(text: object) -> dict[str, Any]:
    try:
        value = json.loads(str(text)) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
