"""The last line of defence of secrets: their values are struck out of everything that is logged."""

import base64
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

STRUCK_OUT = "[redacted]"
_SHORTEST_BYTES = 4  # striking out less would eat ordinary text


class Redaction:
    """Knows the secrets in use, in the forms in which they appear in protocols and logs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: tuple[str, ...] = ()
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Strike these out from now on; those of before stay known, since old connections may still use them."""
        forms = {form for secret in secrets for form in _forms(secret)} | set(self._forms)
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def strike(self, text: str) -> str:
        """Return the text without any secret."""
        for form in self._forms:
            text = text.replace(form, STRUCK_OUT)
        return text

    def clean(self, value: Any) -> Any:
        """Return a value to be logged without any secret; what is no plain value becomes text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {self.clean(key): self.clean(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.clean(inner) for inner in value]
        if isinstance(value, bytes):
            return self.strike(value.decode(errors="backslashreplace"))
        return self.strike(str(value))

    def __repr__(self) -> str:
        """Return how many forms are known, not which."""
        return f"Redaction({len(self._forms)} forms)"


def _forms(secret: str) -> set[str]:
    """Return the secret as it is, quoted, and in base64 as AUTH LOGIN sends it (RFC 4954 §4)."""
    content = secret.encode()
    if len(content) < _SHORTEST_BYTES:
        return set()
    return {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret),
        quote_plus(secret),
        quote(secret, safe=""),
        base64.b64encode(content).decode(),
    }
