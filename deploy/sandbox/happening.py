"""What happened to each message at a relay, and when its provider lets that be known."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from deploy.sandbox.letter import Letter


class What(StrEnum):
    """The stations of a message, of whichever provider."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One station of one message."""

    what: What
    letter: Letter
    reply: str = ""  # of the recipient's mail system; of a suppression: the list's name
    at: float = field(default_factory=time.time)  # seconds since the epoch
    stored_at: float = 0.0  # from when on the provider shows it
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))


class EventLog:
    """All that happened at one relay, as its provider stores it."""

    def __init__(self) -> None:
        self.watchers: list[Callable[[Happening], None]] = []
        self._all: list[Happening] = []

    def add(self, happening: Happening) -> None:
        """Store one and tell the watchers."""
        self._all.append(happening)
        for tell in self.watchers:
            tell(happening)

    def stored(self) -> list[Happening]:
        """Return what is stored by now, in the order in which it happened."""
        now = time.time()
        return sorted((h for h in self._all if h.stored_at <= now), key=lambda h: (h.at, h.id))
