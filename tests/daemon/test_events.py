import asyncio

import pytest

from service.clock import SystemClock
from service.events import EventLog

pytestmark = pytest.mark.anyio


async def test_listeners_hear_what_is_said_after_they_came_and_end_when_it_closes():
    log = EventLog(SystemClock())
    log.say("move", "before anybody listened")
    heard: list[str] = []

    async def listen() -> None:
        heard.extend([event.sentence async for event in log.listen()])

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    log.say("move", "one")
    log.say("health", "two")
    log.close()
    await asyncio.wait_for(task, 5)
    assert heard == ["one", "two"]
    assert [event.sentence for event in log.recent()] == ["two", "one", "before anybody listened"]


async def test_a_listener_that_does_not_keep_up_loses_the_oldest_and_still_ends():
    log = EventLog(SystemClock())
    stream = log.listen()
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    for number in range(500):
        log.say("health", str(number))
    log.close()
    assert (await asyncio.wait_for(first, 5)).kind == "health"
    rest = [event.sentence async for event in stream]
    assert rest[-1] == "499"
    assert len(rest) <= 100
