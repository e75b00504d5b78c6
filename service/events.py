"""The last things worth telling, in sentences, and those who listen to them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import structlog

from providers.base import Clock
from service.views import EventView

_KEEP = 200
_LISTENER_BACKLOG = 100
_log = structlog.get_logger("relaypilot.events")


class EventLog:
    """Keeps the newest events, hands each new one to every listener, and logs it.

    A listener that does not keep up loses the oldest events, never the daemon its memory.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._recent: deque[EventView] = deque(maxlen=_KEEP)
        self._listeners: set[asyncio.Queue[EventView | None]] = set()

    def say(self, kind: str, sentence: str, provider: str | None = None) -> None:
        """Add one event, hand it to every listener and log it."""
        _log.info(sentence, kind=kind)
        event = EventView(at=self._clock.now(), kind=kind, sentence=sentence, provider=provider)
        self._recent.appendleft(event)
        for listener in self._listeners:
            if listener.full():
                listener.get_nowait()
            listener.put_nowait(event)

    def recent(self) -> tuple[EventView, ...]:
        """Return the newest events, newest first."""
        return tuple(self._recent)

    async def listen(self) -> AsyncIterator[EventView]:
        """Yield events from now on; ends at `close`."""
        queue: asyncio.Queue[EventView | None] = asyncio.Queue(_LISTENER_BACKLOG)
        self._listeners.add(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every listener."""
        for listener in self._listeners:
            if listener.full():
                listener.get_nowait()
            listener.put_nowait(None)
