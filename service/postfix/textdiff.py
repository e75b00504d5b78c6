"""Differences an administrator can read, without the secrets. Pure."""

from collections.abc import Sequence
from difflib import unified_diff


def masked(path: str, text: str) -> str:
    """Return a file's text; of the login table only the keys, as a user name can be a secret token too."""
    return "".join(f"{_mask(line)}\n" for line in text.splitlines()) if path.endswith("/sasl") else text


def _mask(line: str) -> str:
    return line if line.startswith("#") or not line.strip() else f"{line.split(maxsplit=1)[0]} ********"


def unified(name: str, before: Sequence[str], after: Sequence[str], labels: tuple[str, str] = ("now", "wanted")) -> str:
    """Return the unified diff between two texts given as lines; empty when there is none."""
    lines = unified_diff(before, after, f"{name} ({labels[0]})", f"{name} ({labels[1]})", lineterm="")
    return "".join(f"{line}\n" for line in lines)
