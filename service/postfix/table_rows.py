"""The tables that relaypilot writes: their text, their rows, their names. Pure."""

import hashlib
from collections.abc import Iterable

_HEADING = "# Written by relaypilot; changes by hand are reported as drift.\n"


def table_text(rows: Iterable[str]) -> str:
    """Return the text of a table with these rows, or comments."""
    return _HEADING + "".join(f"{row}\n" for row in rows)


def versioned(name: str, text: str) -> str:
    """Return a file name that changes with the text.

    Postfix reads a changed table without being told (trivial-rewrite(8) within 10 s), so a table of the route in
    force must not be replaced before main.cf is; under another name it waits beside.
    """
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def kind_of(path: str) -> str:
    """Return the name of a versioned file without its version."""
    return path.rpartition("/")[2].partition("-")[0]


def table_rows(text: str) -> dict[str, str]:
    """Return the rows of a table written by relaypilot."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}
