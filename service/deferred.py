"""Deferred mail after a move: a long queue is tried again in batches, until every message has been tried once."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from providers.base import Clock
from service.events import EventLog
from service.postfix.errors import PostfixError
from service.postfix.flush import Flushed

_EVERY_SECONDS = 30.0


class Flushes(Protocol):
    """The part of Postfix control that this needs; blocking."""

    def flush(self, cursor: str = "") -> Flushed:
        """Have some deferred mail tried now."""
        ...


class DeferredMail:
    """Goes on with a flush that a move has begun."""

    def __init__(
        self, postfix: Flushes, in_thread: Callable[..., Awaitable[Any]], clock: Clock, events: EventLog
    ) -> None:
        self._postfix = postfix
        self._in_thread = in_thread
        self._clock = clock
        self._events = events
        self._cursor: str | None = None
        self._flushed_at = 0.0

    def begun(self, cursor: str | None) -> None:
        """Take note of where the move's own flush stopped; None: it tried everything."""
        self._cursor, self._flushed_at = cursor, self._clock.monotonic()

    async def go_on(self) -> None:
        """Have the next batch tried, if there is one and its time has come."""
        if self._cursor is None or self._clock.monotonic() - self._flushed_at < _EVERY_SECONDS:
            return
        self._flushed_at = self._clock.monotonic()
        try:
            flushed: Flushed = await self._in_thread(self._postfix.flush, self._cursor)
        except PostfixError:
            return  # tried again
        self._cursor = flushed.cursor
        if flushed.cursor is None:
            self._events.say("move", "All mail that was deferred at the move has been tried again.")
