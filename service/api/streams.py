"""Streamed answers: events as server-sent events, a round's progress as JSON lines."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator

from service.api.problem import problem_of
from service.errors import RelaypilotError
from service.views import EventView, ProbeProgressView


async def server_sent(
    events: AsyncIterator[EventView], stopping: asyncio.Event, keep_alive_seconds: float
) -> AsyncGenerator[str, None]:
    """Yield events in the text form of server-sent events, and a comment whenever nothing happened for a while.

    The comments keep proxies from closing the connection and let the server notice a client that has gone.
    Ends with the events or when `stopping` is set. HTML Living Standard §9.2.
    """
    stop = asyncio.ensure_future(stopping.wait())
    following = asyncio.ensure_future(anext(events, None))
    try:
        await asyncio.sleep(0)  # now listening: whoever has read the first line misses nothing
        yield ": connected\n\n"
        while True:
            done, _ = await asyncio.wait(
                {stop, following}, timeout=keep_alive_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if stop in done:
                return
            if not done:
                yield ": keep-alive\n\n"
                continue
            event = following.result()
            if event is None:
                return
            yield f"data: {event.model_dump_json()}\n\n"
            following = asyncio.ensure_future(anext(events, None))
    finally:
        stop.cancel()
        following.cancel()
        await asyncio.wait({stop, following})
        await _close(events)


async def progress_lines(
    first: ProbeProgressView | None, rest: AsyncIterator[ProbeProgressView]
) -> AsyncGenerator[str, None]:
    """Yield one JSON line per observation; a round that fails halfway ends with its problem document as last line."""
    try:
        if first is not None:
            yield first.model_dump_json() + "\n"
            async for progress in rest:
                yield progress.model_dump_json() + "\n"
    except RelaypilotError as error:
        yield json.dumps(problem_of(error)) + "\n"
    finally:
        await _close(rest)


async def _close(source: AsyncIterator[object]) -> None:
    if isinstance(source, AsyncGenerator):
        await source.aclose()
