"""Keeps secrets out of what is stored and shown."""

import base64
import re
from collections.abc import Iterable

MAX_TEXT_CHARACTERS = 2000
_MASK = "[redacted]"
_ALTERABLE = re.compile(r"[^\x21-\x7e]+")  # what a relay's encoding or our one-line form may have changed
_LONG_ENOUGH = 4


def redact(text: str, *, username: str | None, password: str | None, also: Iterable[str] = ()) -> str:
    """Return the text without the password, plain or as AUTH sends it (RFC 4616, base64), cut to 2 KB.

    `also` is struck out as it stands: what was sent to log in.
    """
    for secret in also:
        if secret:
            text = text.replace(secret, _MASK)
    if password:
        token = "\0".join(("", username or "", password))
        for secret in (_base64(token), _base64(password), password):
            text = text.replace(secret, _MASK)
        parts = _ALTERABLE.split(password)
        if len(parts) > 1 and max(map(len, parts)) >= _LONG_ENOUGH:
            text = re.sub(r".{0,12}?".join(map(re.escape, parts)), _MASK, text)
    return text[:MAX_TEXT_CHARACTERS]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
