"""Sessions kept open between messages, for handing over many; a probe has a connection of its own."""

import asyncio
from dataclasses import dataclass

from providers.base import Clock
from providers.smtp_session import SmtpSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """How far a session may be used again. Relays close those that are idle or carry too many (SparkPost: 100)."""

    max_messages: int = 100  # over one connection
    max_idle_seconds: float = 20.0
    max_idle_sessions: int = 50


class IdleSessions:
    """Open sessions that wait for their next message."""

    def __init__(self, reuse: Reuse, clock: Clock) -> None:
        self._reuse = reuse
        self._clock = clock
        self._idle: list[tuple[float, SmtpSession]] = []  # since when; the last is the youngest

    def take(self) -> SmtpSession | None:
        """Return the session that has waited shortest, or None; close those that have waited too long."""
        oldest = self._clock.monotonic() - self._reuse.max_idle_seconds
        while self._idle and self._idle[0][0] < oldest:
            self._idle.pop(0)[1].abort()
        return self._idle.pop()[1] if self._idle else None

    def keep(self, session: SmtpSession) -> bool:
        """Keep a session whose message was accepted; False: it has done its share, or enough others wait."""
        if session.messages >= self._reuse.max_messages or len(self._idle) >= self._reuse.max_idle_sessions:
            return False
        self._idle.append((self._clock.monotonic(), session))
        return True

    async def close(self) -> None:
        """Leave every session."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(session.leave() for _, session in idle))
