"""A served API: the fake desk behind real sockets, in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from service.api.serve import serve
from tests.api.fake_desk import FakeDesk

TOKEN = "a-token-for-tests"


@dataclass
class World:
    desk: FakeDesk
    socket: Path
    port: int
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    stopping: asyncio.Event

    def client(self) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.HTTPTransport(uds=str(self.socket)), base_url="http://relaypilot")

    def tcp(self, token: str | None = None) -> httpx2.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers)

    def stop(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(15)
        assert not self.thread.is_alive()

    def call(self, what: Callable[[], object]) -> None:
        self.loop.call_soon_threadsafe(what)


@contextmanager
def served(directory: Path) -> Iterator[World]:
    desk, socket = FakeDesk(), directory / "api.sock"
    listening = threading.Event()
    ports: list[int] = []
    failures: list[BaseException] = []
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def on_listening(port: int | None) -> None:
        ports.append(port or 0)
        listening.set()

    def run() -> None:
        try:
            loop.run_until_complete(
                serve(desk, socket=socket, listen="127.0.0.1:0", token=TOKEN, stop=stop, on_listening=on_listening)
            )
        except BaseException as error:  # noqa: BLE001 (shown by the thread that waits)
            failures.append(error)
            listening.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert listening.wait(10)
    if failures:
        raise failures[0]
    world = World(desk, socket, ports[0], loop, thread, stop)
    try:
        yield world
    finally:
        world.stop()
        loop.close()
    assert not failures, failures
    assert not socket.exists()
