"""A message as the body of SendGrid's `POST /v3/mail/send` (docs.sendgrid.com, "Mail Send"). Pure.

The API takes no finished message but its parts, and writes the message anew. What these parts cannot say is refused
here, for a message that arrives changed is no measure of the one that was to be sent.
"""

import base64
import email
from collections.abc import Mapping
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from providers.base import Message
from providers.errors import ForbiddenError
from providers.failure import Category, Failure, Stage
from providers.sendgrid_smtpapi import PROBE_ARGUMENT

_WRITTEN_ANEW = frozenset(
    {"from", "to", "subject", "reply-to", "mime-version", "content-type", "content-transfer-encoding"}
)
# Of the way here, or made void by writing anew: SendGrid signs by itself and names its own return path.
_LEFT_OUT = frozenset({"received", "return-path", "dkim-signature"})
_RESERVED = frozenset({"cc", "bcc", "x-sg-id", "x-sg-eid", "x-smtpapi"})
_TEXT_TYPES = ("text/plain", "text/html")  # in the order that the API wants
_TRACKING_OFF = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}


class _NotCarriedError(Exception):
    """The API has no place for this part of the message."""


def mail_send(message: Message, *, sandbox: bool) -> dict[str, Any]:
    """Return the request body for this message, tracking switched off, a probe's id in its `custom_args`.

    The envelope sender is not said: SendGrid uses its own.

    Raises:
        ForbiddenError: the API cannot say what the message says; a failure of category content.
    """
    try:
        return _body(message, sandbox=sandbox)
    except (_NotCarriedError, MessageError, ValueError, LookupError, AttributeError, TypeError) as error:
        # the standard parser raises any of these on malformed header fields
        why = str(error) if isinstance(error, _NotCarriedError) else "it cannot be read as a message"
        failure = Failure(
            category=Category.CONTENT, stage=Stage.DATA, temporary=False, rule="sendgrid-message-not-carried"
        )
        raise ForbiddenError(
            failure, f"SendGrid's HTTP API cannot carry this message: {why}; send it by SMTP"
        ) from error


def _body(message: Message, *, sandbox: bool) -> dict[str, Any]:
    parsed = email.message_from_bytes(message.content, policy=SMTP)
    assert isinstance(parsed, EmailMessage)  # noqa: S101 - what this policy makes
    senders, recipients = _addresses(parsed, "From"), _addresses(parsed, "To")
    if len(senders) != 1:
        raise _NotCarriedError("it needs exactly one From address")
    if [entry["email"].lower() for entry in recipients] != [message.recipient.lower()]:
        raise _NotCarriedError("its To is not the recipient alone")
    subject = str(parsed.get("Subject", ""))
    if not subject.strip():
        raise _NotCarriedError("it has no Subject")
    personalization: dict[str, Any] = {"to": recipients}
    if headers := _headers(parsed):
        personalization["headers"] = headers
    if message.probe_id is not None:
        # at the top level, the official description has it a text though the API takes an object
        personalization["custom_args"] = {PROBE_ARGUMENT: message.probe_id}
    body: dict[str, Any] = {"personalizations": [personalization], "from": senders[0], "subject": subject}
    match _addresses(parsed, "Reply-To"):
        case []:
            pass
        case [reply_to]:
            body["reply_to"] = reply_to
        case several:
            body["reply_to_list"] = several
    body["content"], attachments = _content(parsed)
    if attachments:
        body["attachments"] = attachments
    body["tracking_settings"] = _TRACKING_OFF
    if sandbox:
        body["mail_settings"] = {"sandbox_mode": {"enable": True}}
    return body


def _addresses(parsed: EmailMessage, name: str) -> list[dict[str, str]]:
    fields = parsed.get_all(name, [])
    if len(fields) > 1:
        raise _NotCarriedError(f"it has more than one {name}")
    found: list[dict[str, str]] = []
    for address in fields[0].addresses if fields else ():
        if not address.username or not address.domain:
            raise _NotCarriedError(f"its {name} holds no plain address")
        entry = {"email": address.addr_spec}
        found.append(entry | {"name": address.display_name} if address.display_name else entry)
    return found


def _headers(parsed: EmailMessage) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name, value in parsed.items():
        lower = name.lower()
        if lower in _RESERVED:
            raise _NotCarriedError(f"it has the header field {name}")
        if lower in _WRITTEN_ANEW or lower in _LEFT_OUT:
            continue
        if lower in {known.lower() for known in headers}:
            raise _NotCarriedError(f"it has the header field {name} twice")
        headers[name] = str(value)
    return headers


def _content(parsed: EmailMessage) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return the texts in the API's order, and the attachments."""
    first, attached = parsed, []
    if parsed.get_content_type() == "multipart/mixed":
        parts = _parts(parsed)
        first, attached = parts[0], parts[1:]
    leaves = _parts(first) if first.get_content_type() == "multipart/alternative" else [first]
    texts = {leaf.get_content_type(): _text(leaf) for leaf in leaves}
    if len(texts) != len(leaves):
        raise _NotCarriedError("it has two texts of one kind")
    content = [{"type": kind, "value": texts[kind]} for kind in _TEXT_TYPES if kind in texts]
    return content, [_attachment(part) for part in attached]


def _parts(parsed: EmailMessage) -> list[EmailMessage]:
    parts = [part for part in parsed.iter_parts() if isinstance(part, EmailMessage)]
    if not parts or parsed.defects:
        raise _NotCarriedError("its MIME parts cannot be told apart")
    return parts


def _text(part: EmailMessage) -> str:
    kind = part.get_content_type()
    if kind not in _TEXT_TYPES or part.get_content_disposition() == "attachment":
        raise _NotCarriedError(f"it has a part of type {kind} where a text is wanted")
    parameters = set(part["Content-Type"].params) if part["Content-Type"] else set()
    if extra := parameters - {"charset"}:
        raise _NotCarriedError(f"its text has the parameter {sorted(extra)[0]}")
    text = _decoded(part).decode(part.get_content_charset("us-ascii")).replace("\r\n", "\n")
    if not text.strip():
        raise _NotCarriedError("its text is empty")
    return text


def _attachment(part: EmailMessage) -> dict[str, str]:
    name = part.get_filename()
    if part.is_multipart() or not name:
        raise _NotCarriedError(f"it has a part of type {part.get_content_type()} without a file name")
    return {
        "content": base64.b64encode(_decoded(part)).decode("ascii"),
        "type": part.get_content_type(),
        "filename": name,
        "disposition": "attachment",
    }


def _decoded(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes) or part.defects:
        raise _NotCarriedError("a part of it is not encoded as it says")
    return content
