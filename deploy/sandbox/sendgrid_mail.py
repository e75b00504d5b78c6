"""What POST /v3/mail/send takes: checked as SendGrid's description says, and made into messages."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from deploy.sandbox.letter import Labels

_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
_MOST_PERSONALIZATIONS = 1000
_MOST_ARGUMENTS = 10_000  # bytes
_MOST_CATEGORIES = 10


class RefusedMailError(Exception):
    """SendGrid's own word on one field (400)."""

    def __init__(self, message: str, field: str | None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One personalization as a message."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    labels: Labels


def is_sandboxed(ask: Mapping[str, Any]) -> bool:
    """Return whether the request is only to be checked.

    Raises:
        RefusedMailError: the flag is no boolean.
    """
    mode = ask.get("mail_settings", {}).get("sandbox_mode", {})
    enable = mode.get("enable", False)
    if not isinstance(enable, bool):
        raise RefusedMailError("The sandbox_mode enable parameter must be a boolean.", "mail_settings.sandbox_mode")
    return enable


def mails_of(ask: Any, message_id: str) -> list[Mail]:
    """Return the messages of a request.

    Raises:
        RefusedMailError: it is not as the description says.
    """
    if not isinstance(ask, dict):
        raise RefusedMailError("Bad Request", None)
    is_sandboxed(ask)
    personalizations = ask.get("personalizations")
    if not isinstance(personalizations, list) or not personalizations:
        text = "The personalizations field is required and must have at least one personalization."
        raise RefusedMailError(text, "personalizations")
    if len(personalizations) > _MOST_PERSONALIZATIONS:
        raise RefusedMailError("The personalizations field must have at most 1000 items.", "personalizations")
    author = _address(ask.get("from"), "from")
    content = _content(ask)
    return [_mail(ask, p, f"personalizations.{n}", author, content, message_id) for n, p in enumerate(personalizations)]


def _mail(
    ask: Mapping[str, Any],
    personal: Any,
    at: str,
    author: Address,
    content: list[tuple[str, str]],
    message_id: str,
) -> Mail:
    if not isinstance(personal, dict) or not personal.get("to"):
        text = "The to array is required for all personalization objects, and must have at least one email object"
        raise RefusedMailError(f"{text} with a valid email address.", f"{at}.to")
    groups = {name: list(_addresses(personal.get(name) or [], f"{at}.{name}")) for name in ("to", "cc", "bcc")}
    subject = personal.get("subject") or ask.get("subject")
    if not subject and not ask.get("template_id"):
        text = "The subject is required. You can get around this requirement if you use a template with a subject"
        raise RefusedMailError(f"{text} defined or if every personalization has a subject defined.", "subject")
    message = EmailMessage(policy=SMTP)
    message["From"] = author
    message["To"] = groups["to"]
    if groups["cc"]:
        message["Cc"] = groups["cc"]
    message["Subject"] = str(subject or "")
    message["Date"] = format_datetime(datetime.now(UTC))
    for name, value in {**(ask.get("headers") or {}), **(personal.get("headers") or {})}.items():
        del message[name]
        message[name] = str(value)
    if "Message-ID" not in message:
        message["Message-ID"] = f"<{message_id}@geopod-ismtpd-0>"
    texts = [(kind, value) for kind, value in content if kind.startswith("text/")]
    message.set_content(texts[0][1] if texts else "", subtype=texts[0][0].partition("/")[2] if texts else "plain")
    for kind, value in texts[1:]:
        message.add_alternative(value, subtype=kind.partition("/")[2])
    for number, attachment in enumerate(ask.get("attachments") or []):
        _attach(message, attachment, f"attachments.{number}")
    return Mail(
        sender=author.addr_spec,
        recipients=tuple(dict.fromkeys(a.addr_spec for group in groups.values() for a in group)),
        content=message.as_bytes(),
        labels=_labels(ask, personal, at),
    )


def _labels(ask: Mapping[str, Any], personal: Mapping[str, Any], at: str) -> Labels:
    arguments: dict[str, str] = {}
    for source in (ask.get("custom_args"), personal.get("custom_args")):
        if isinstance(source, dict):
            if not all(isinstance(value, str) for value in source.values()):
                raise RefusedMailError("Bad Request", None)
            arguments |= source
    if sum(len(name) + len(value) for name, value in arguments.items()) > _MOST_ARGUMENTS:
        raise RefusedMailError("The custom_args may not exceed 10000 bytes.", f"{at}.custom_args")
    categories = ask.get("categories") or []
    if not isinstance(categories, list) or len(categories) > _MOST_CATEGORIES:
        raise RefusedMailError("The categories field must be an array of at most 10 strings.", "categories")
    return Labels(tags=tuple(str(c) for c in categories), variables=arguments)


def _content(ask: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = ask.get("content")
    if not given:
        if ask.get("template_id"):
            return []
        text = "Unless a valid template_id is provided, the content parameter is required. There must be at least one"
        raise RefusedMailError(f"{text} defined content block.", "content")
    found: list[tuple[str, str]] = []
    for number, block in enumerate(given):
        kind, value = (block.get(name) if isinstance(block, dict) else None for name in ("type", "value"))
        if not kind or not isinstance(value, str) or not value:
            text = "The content value must be a string at least one character in length."
            raise RefusedMailError(text, f"content.{number}.value")
        found.append((str(kind), value))
    kinds = [kind for kind, _ in found]
    if "text/plain" in kinds[1:]:
        text = "If present, text/plain must be first, followed by text/html, followed by any other content."
        raise RefusedMailError(text, "content")
    return found


def _addresses(given: Any, at: str) -> Iterator[Address]:
    for number, one in enumerate(given):
        yield _address(one, f"{at}.{number}")


def _address(given: Any, at: str) -> Address:
    email = given.get("email") if isinstance(given, dict) else None
    if not isinstance(email, str) or not _EMAIL.fullmatch(email):
        if at == "from" and given is None:
            raise RefusedMailError("The from object must be provided for every email send.", "from.email")
        raise RefusedMailError("Does not contain a valid address.", f"{at}.email")
    name = str(given.get("name") or "")
    if at != "from" and re.search("[,;]", name):
        raise RefusedMailError("The name may not contain commas or semicolons.", f"{at}.name")
    return Address(display_name=name, addr_spec=email)


def _attach(message: EmailMessage, given: Any, at: str) -> None:
    try:
        data = base64.b64decode(given["content"], validate=True)
        name = str(given["filename"])
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise RefusedMailError("The attachment content must be base64 encoded.", f"{at}.content") from None
    main, _, sub = str(given.get("type") or "application/octet-stream").partition("/")
    message.add_attachment(data, maintype=main, subtype=sub or "octet-stream", filename=name)
