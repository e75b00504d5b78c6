"""Mailgun's two ways to send by HTTP: fields (messages) and a ready MIME message (messages.mime)."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses, make_msgid

from deploy.sandbox.fault import Scope
from deploy.sandbox.letter import Labels
from deploy.sandbox.people import SENDING_DOMAIN
from deploy.sandbox.relay import RelaySimulator
from deploy.sandbox.smtp_session import Envelope

Form = dict[str, list[bytes]]
_MOST_OPTIONS = 16 * 1024  # bytes, of all o:, h:, v: and t: fields together
_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
_BODIES = ("text", "html", "amp-html", "template")


class RefusedFormError(Exception):
    """Mailgun's own word on a form that it does not take (400)."""


def recipients_of(form: Form) -> list[str]:
    """Return all addresses of to, cc and bcc.

    Raises:
        RefusedFormError: none, or one is no address.
    """
    if not _texts(form, "to"):
        raise RefusedFormError("to parameter is missing")
    found: list[str] = []
    for name in ("to", "cc", "bcc"):
        addresses = [address for _, address in getaddresses(_texts(form, name))]
        if not all(_ADDRESS.fullmatch(address) for address in addresses):
            raise RefusedFormError(f"{name} parameter is not a valid address. please check documentation")
        found += addresses
    return list(dict.fromkeys(found))


def labels_of(form: Form) -> Labels:
    """Return tags, variables and test mode.

    Raises:
        RefusedFormError: too much of them.
    """
    options = {name: values for name, values in form.items() if name[:2] in {"o:", "h:", "v:", "t:"}}
    if sum(len(name) + len(value) for name, values in options.items() for value in values) > _MOST_OPTIONS:
        raise RefusedFormError("Send options (parameters starting with o:, h:, v:, or t:) are limited to 16KB total")
    return Labels(
        tags=tuple(_texts(form, "o:tag")),
        variables={name[2:]: _texts(form, name)[-1] for name in options if name.startswith("v:")},
        test_mode=_texts(form, "o:testmode")[-1:] in (["yes"], ["true"]),
    )


def content_of(form: Form) -> bytes:
    """Return the message that the fields describe.

    Raises:
        RefusedFormError: not a whole message.
    """
    if not _texts(form, "from"):
        raise RefusedFormError("from parameter is missing")
    if not any(_texts(form, name) for name in _BODIES):
        raise RefusedFormError("Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified")
    message = EmailMessage(policy=SMTP)
    message["From"] = ", ".join(_texts(form, "from"))
    for name, header in (("to", "To"), ("cc", "Cc")):
        if _texts(form, name):
            message[header] = ", ".join(_texts(form, name))
    message["Subject"] = (_texts(form, "subject") or [""])[-1]
    for name in form:
        if name.startswith("h:"):
            del message[name[2:]]
            message[name[2:]] = _texts(form, name)[-1]
    if "Message-ID" not in message:
        message["Message-ID"] = make_msgid(domain=SENDING_DOMAIN)
    if "Date" not in message:
        message["Date"] = format_datetime(datetime.now(UTC))
    message.set_content((_texts(form, "text") or [""])[-1])
    if _texts(form, "html"):
        message.add_alternative(_texts(form, "html")[-1], subtype="html")
    return message.as_bytes()


def mime_of(form: Form) -> bytes:
    """Return the uploaded message, with a Message-ID.

    Raises:
        RefusedFormError: there is none.
    """
    raw = (form.get("message") or [b""])[-1]
    if not raw.strip():
        raise RefusedFormError("message parameter is missing")
    raw = re.sub(rb"\r?\n", b"\r\n", raw)
    head = raw.partition(b"\r\n\r\n")[0]
    if not re.search(rb"^from:", head, re.IGNORECASE | re.MULTILINE):
        raise RefusedFormError("'from' parameter is missing in the MIME message")
    if not re.search(rb"^message-id:", head, re.IGNORECASE | re.MULTILINE):
        raw = f"Message-ID: {make_msgid(domain=SENDING_DOMAIN)}\r\n".encode() + raw
    return raw


def header_of(content: bytes, name: str) -> str:
    """Return one header's value, unfolded."""
    head = content.partition(b"\r\n\r\n")[0] + b"\r\n"
    found = re.search(
        rb"^" + name.encode() + rb":[ \t]*((?:.|\r\n[ \t])*?)\r\n(?![ \t])", head, re.IGNORECASE | re.MULTILINE
    )
    return re.sub(rb"\r\n[ \t]+", b" ", found[1]).decode("utf-8", "replace").strip() if found else ""


def send(relay: RelaySimulator, content: bytes, recipients: list[str], labels: Labels, scope: Scope) -> str:
    """Give the message to the relay; return its Message-ID with brackets, which is what Mailgun calls its id."""
    sender = getaddresses([header_of(content, "From")])[0][1]
    envelope = Envelope(sender=sender, scope=scope, recipients=recipients)
    relay.accept(envelope, content, relay.new_id(), "api.mailgun.test", method="http", labels=labels)
    return header_of(content, "Message-ID")


def _texts(form: Form, name: str) -> list[str]:
    return [value.decode("utf-8", "replace") for value in form.get(name, []) if value.strip()]
