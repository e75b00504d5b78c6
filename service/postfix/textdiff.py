"""Differences an administrator can read, without the secrets. Pure."""

import hashlib
from collections.abc import Sequence
from difflib import unified_diff

_LONGEST_SHOWN = 65_536  # characters: a table of 100,000 domains is no reading matter, and no answer of one line


def masked(path: str, text: str) -> str:
    """Return a file's text; of the login table only the keys, as a user name can be a secret token too."""
    return "".join(f"{_mask(line)}\n" for line in text.splitlines()) if path.endswith("/sasl") else text


def _mask(line: str) -> str:
    return line if line.startswith("#") or not line.strip() else f"{line.split(maxsplit=1)[0]} ********"


def shortened(text: str) -> str:
    """Return a text that is too long to be shown as its length and digest, any other unchanged."""
    if len(text) <= _LONGEST_SHOWN:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"# {text.count(chr(10))} lines, not shown; SHA-256 {digest}\n"


def unified(name: str, before: Sequence[str], after: Sequence[str], labels: tuple[str, str] = ("now", "wanted")) -> str:
    """Return the unified diff between two texts given as lines; empty when there is none."""
    lines = unified_diff(before, after, f"{name} ({labels[0]})", f"{name} ({labels[1]})", lineterm="")
    return "".join(f"{line}\n" for line in lines)
