"""The parameters of MAIL FROM: what a message needs of a relay, and whether the relay offers it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from providers.errors import ForbiddenError
from providers.failure import Category, Failure, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNeed:
    """What the relay must offer for one message."""

    size_bytes: int  # as sent, line ends as CRLF, without stuffed dots (RFC 1870 §3)
    max_bytes: int | None = None  # the provider's documented limit, where it is below what the relay offers
    eight_bit: bool = False  # RFC 6152
    utf8_header: bool = False  # RFC 6532


def mail_parameters(
    extensions: Mapping[str, str], *, utf8_sender: bool, to_utf8: bool, need: MessageNeed | None
) -> list[bytes]:
    """Return the parameters for a relay with these extensions (EHLO keywords in lower case, and their values).

    `utf8_sender` and `to_utf8`: the envelope sender, the recipient is not ASCII. Without `need` no message follows.

    Raises:
        ForbiddenError: the message is too large, or the relay lacks what it needs. A recipient is left to RCPT.
    """
    parameters: list[bytes] = []
    if need is not None:
        limit = size_limit(extensions.get("size"), need.max_bytes)
        if limit is not None and limit < need.size_bytes:
            raise _forbidden(
                Category.SIZE, "size-limit", f"the message has {need.size_bytes} bytes, the relay takes {limit}"
            )
        if "size" in extensions:
            parameters.append(b"SIZE=%d" % need.size_bytes)
        if need.eight_bit:
            if "8bitmime" not in extensions:
                raise _forbidden(
                    Category.CONTENT, "8bitmime-not-offered", "the message is 8-bit and the relay takes 7-bit only"
                )
            parameters.append(b"BODY=8BITMIME")
    utf8_header = need is not None and need.utf8_header
    if "smtputf8" in extensions:
        return [*parameters, b"SMTPUTF8"] if utf8_sender or utf8_header or to_utf8 else parameters
    if utf8_sender:
        raise _forbidden(
            Category.SENDER, "smtputf8-not-offered", "the sender's address is not ASCII, the relay takes no other"
        )
    if utf8_header:
        raise _forbidden(
            Category.CONTENT,
            "smtputf8-not-offered",
            "a header field is not ASCII and the relay does not offer SMTPUTF8; encode the field (RFC 2047)",
        )
    return parameters


def size_limit(offered: str | None, max_bytes: int | None) -> int | None:
    """Return the largest message in bytes, by the value of SIZE and the documented limit; None: not known."""
    value = (offered or "").strip()
    limits = [int(value)] if re.fullmatch(r"[0-9]{1,15}", value) and int(value) else []  # 0: no limit (RFC 1870 §4)
    return min([*limits, *([max_bytes] if max_bytes else [])], default=None)


def _forbidden(category: Category, rule: str, text: str) -> ForbiddenError:
    return ForbiddenError(Failure(category=category, stage=Stage.MAIL, temporary=False, rule=rule), text)
