"""The X-SMTPAPI header field, by which a message handed over by SMTP tells SendGrid what to do with it. Pure.

"Building an X-SMTPAPI Header": one field only, JSON in ASCII, folded under 1,000 characters. An error in it is not
refused but returned to the envelope sender, so nothing is left to chance here. SendGrid removes the field.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

NAME = "X-SMTPAPI"
PROBE_ARGUMENT = "relaypilot_probe"  # in events it stands beside SendGrid's own fields: a name that none of them has
_LINE_CHARACTERS = 900
_LONGEST_WORD = 990
_OFF = {"settings": {"enable": 0}}
NO_TRACKING: Mapping[str, Any] = dict.fromkeys(("clicktrack", "opentrack", "subscriptiontrack", "ganalytics"), _OFF)


def smtpapi_header(
    *,
    unique_args: Mapping[str, str] | None = None,
    category: Sequence[str] = (),
    filters: Mapping[str, Any] | None = None,
    ip_pool: str | None = None,
) -> bytes:
    """Return the whole header field, folded, with CRLF at its end.

    `unique_args` come back in every event, as `custom_args` of the HTTP API do. `filters` are the mail settings.

    Raises:
        ValueError: a word without blanks is too long for any line.
    """
    value: dict[str, Any] = {}
    if unique_args:
        value["unique_args"] = dict(unique_args)
    if category:
        value["category"] = list(category)
    if filters:
        value["filters"] = dict(filters)
    if ip_pool:
        value["ip_pool"] = ip_pool
    text = json.dumps(value, ensure_ascii=True, separators=(", ", ": ")).replace("\x7f", "\\u007f")
    return "\r\n".join(_fold(f"{NAME}: {text}")).encode("ascii") + b"\r\n"


def with_smtpapi(content: bytes, header: bytes) -> bytes:
    """Return the message with this field on top; as it is when it has one, for a second would be ignored."""
    head = content.partition(b"\r\n\r\n")[0]
    has_one = any(line.lower().startswith(f"{NAME}:".lower().encode()) for line in head.split(b"\r\n"))
    return content if has_one else header + content


def _fold(text: str) -> list[str]:
    """Return the lines; a line break before a blank changes nothing, in a string neither (RFC 5322 §2.2.3)."""
    lines = [""]
    for word in text.split(" "):
        if len(word) > _LONGEST_WORD:
            raise ValueError(
                f"writing {NAME}: a word of {len(word)} characters fits in no line; shorten it or put blanks in it"
            )
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _LINE_CHARACTERS and lines[-1].strip() and word:
            lines.append(f" {word}")
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines
