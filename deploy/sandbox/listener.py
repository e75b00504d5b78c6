"""A listening port that can refuse and black-hole connections, and come back on the same port."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable
from enum import StrEnum

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Mode(StrEnum):
    """How the port treats connections."""

    OPEN = "open"
    REFUSING = "refusing"  # closed port: connection refused, sessions reset
    STALLED = "stalled"  # packets vanish: connecting times out, sessions freeze


def free_port() -> int:
    """Return a free loopback port below the ephemeral range, so that no outgoing connection takes it meanwhile."""
    for _ in range(200):
        port = random.randint(18000, 31999)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen(1)  # two sockets that only bound with SO_REUSEADDR would not collide
            except OSError:
                continue
            return port
    raise OSError("no free port found between 18000 and 31999 on 127.0.0.1")


class Listener:
    """Accepts connections on 127.0.0.1:port and serves each in a task of its own."""

    def __init__(self, serve: Serve, port: int) -> None:
        self.port = port
        self.flowing = asyncio.Event()  # cleared while stalled; sessions wait for it before each reply
        self.mode = Mode.REFUSING
        self._serve = serve
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # An explicit port stays ours after shutdown(); one the kernel chose does not (tried 2026-11, Linux 6.18).
        self._socket.bind(("127.0.0.1", port))
        self._socket.setblocking(False)
        self._accepting: asyncio.Task[None] | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._fillers: list[socket.socket] = []

    async def become(self, mode: Mode) -> None:
        """Change how connections are treated, at once; a no-op if it is so already."""
        if mode is self.mode:
            return
        await self._leave()
        self.mode = mode
        if mode is Mode.OPEN:
            self._socket.listen(128)
            self.flowing.set()
            self._accepting = asyncio.create_task(self._accept())
        elif mode is Mode.REFUSING:
            with contextlib.suppress(OSError):  # not listening yet
                self._socket.shutdown(socket.SHUT_RDWR)  # refuses connections and keeps the port (Linux)
            self.flowing.set()
            for writer in tuple(self._writers):
                writer.transport.abort()
            for task in tuple(self._sessions):
                task.cancel()
        else:
            self.flowing.clear()
            # Linux drops SYNs for a socket whose accept queue is full.
            self._socket.listen(0)
            await self._fill()

    async def _leave(self) -> None:
        if self._accepting:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._accepting = None
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()

    async def _fill(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            filler = socket.socket()
            filler.setblocking(False)
            self._fillers.append(filler)
            try:
                await asyncio.wait_for(loop.sock_connect(filler, ("127.0.0.1", self.port)), 0.1)
            except TimeoutError:
                return

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await loop.connect_accepted_socket(self._protocol, connection)
            except OSError:  # the peer has gone already
                await asyncio.sleep(0)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        loop = asyncio.get_running_loop()
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=2**17, loop=loop), self._begin, loop=loop)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._session(reader, writer))
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError):  # ssl.SSLError is an OSError
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
