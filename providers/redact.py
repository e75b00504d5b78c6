"""Keeps secrets out of what is stored and shown."""

import base64

MAX_TEXT_CHARACTERS = 2000
_MASK = "[redacted]"


def redact(text: str, *, username: str | None, password: str | None) -> str:
    """Return the text without the password, plain or as AUTH sends it (RFC 4616, base64), cut to 2 KB."""
    if password:
        plain = "\0".join(("", username or "", password))
        for secret in (_base64(plain), _base64(password), password):
            text = text.replace(secret, _MASK)
    return text[:MAX_TEXT_CHARACTERS]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
