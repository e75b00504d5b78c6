"""One route as Postfix holds it: settings, services, files, and the look-ups that prove them."""

from collections.abc import Mapping
from dataclasses import dataclass

PUBLIC, SECRET = 0o644, 0o600  # modes of owned files


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedFile:
    """A file that relaypilot writes and nobody else should."""

    text: str
    mode: int
    index: str = ""  # table type of its indexed form, "lmdb" or "hash"; empty: Postfix reads the text itself

    def __repr__(self) -> str:
        """Return a form without the text, which may hold passwords."""
        return f"OwnedFile(mode={self.mode:o}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What one of the route's maps must answer."""

    map: str  # as in main.cf
    key: str
    answers: tuple[str, ...]  # any one of them: a map with shares draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One route as Postfix holds it."""

    settings: Mapping[str, str]  # main.cf
    services: Mapping[str, str]  # "relay-a/unix" -> its master.cf line with single blanks
    files: Mapping[str, OwnedFile]  # absolute path
    lookups: tuple[Lookup, ...] = ()
