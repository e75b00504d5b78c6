"""Events arrive as they happen."""

import asyncio
import json

import pytest

from service.api.streams import server_sent
from service.views import EventView
from tests.api.fake_desk import FakeDesk, now
from tests.api.world import World


def event(sentence: str) -> EventView:
    return EventView(at=now(), kind="move", sentence=sentence)


def test_an_event_reaches_a_listener(world: World) -> None:
    with world.client() as client, client.stream("GET", "/v1/stream", timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == ": connected"
        world.call(lambda: world.desk.say(event("first\nof two")))
        data = next(line for line in lines if line.startswith("data: "))
        assert json.loads(data.removeprefix("data: "))["sentence"] == "first\nof two"


def test_a_listener_that_goes_away_is_forgotten(own_world: World) -> None:
    with own_world.client() as client, client.stream("GET", "/v1/stream") as answer:
        assert next(answer.iter_lines()) == ": connected"
    for _ in range(200):
        if not own_world.desk.listeners:
            return
        own_world.call(lambda: own_world.desk.say(event("anybody?")))
        asyncio.run(asyncio.sleep(0.05))
    raise AssertionError("still listening")


def test_an_open_stream_does_not_keep_the_daemon_from_stopping(own_world: World) -> None:
    client = own_world.client()
    with client.stream("GET", "/v1/stream", timeout=30) as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": connected"
        own_world.stop()
        assert list(lines) == [""]
    client.close()
    assert not own_world.socket.exists()


@pytest.mark.anyio
async def test_silence_is_filled_with_comments() -> None:
    desk, stopping = FakeDesk(), asyncio.Event()
    stream = server_sent(desk.events(), stopping, keep_alive_seconds=0.01)
    assert [await anext(stream) for _ in range(3)] == [": connected\n\n", ": keep-alive\n\n", ": keep-alive\n\n"]
    desk.say(event("news"))
    while (text := await anext(stream)) == ": keep-alive\n\n":
        pass
    assert '"sentence":"news"' in text
    stopping.set()
    assert [text async for text in stream if text != ": keep-alive\n\n"] == []
    assert desk.listeners == set()


@pytest.mark.anyio
async def test_the_stream_ends_with_the_events() -> None:
    desk = FakeDesk()
    stream = server_sent(desk.events(), asyncio.Event(), keep_alive_seconds=10)
    assert await anext(stream) == ": connected\n\n"
    waiting = asyncio.ensure_future(anext(stream, None))
    while not desk.listeners:
        await asyncio.sleep(0)
    for queue in desk.listeners:
        queue.put_nowait(None)
    assert await waiting is None
