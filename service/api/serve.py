"""Serves the API inside the daemon's own event loop."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from service.api.app import create_app
from service.api.bearer import BearerToken
from service.api.listening import inode_of, open_tcp_socket, open_unix_socket
from service.desk import Desk
from service.errors import UsageError

_GRACE_SECONDS = 3


class _Server(uvicorn.Server):
    """A server that leaves signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


async def serve(
    desk: Desk,
    *,
    socket: Path,
    group: str | None = None,
    listen: str | None,
    token: str | None,
    stop: asyncio.Event,
    on_listening: Callable[[int | None], None] | None = None,
) -> None:
    """Serve until `stop` is set or the task is cancelled; requests under way get a few seconds to end.

    The unix socket needs no token: its file mode says who may connect. TCP always needs one. `on_listening` is
    called with the TCP port, if any, once both sockets take connections.

    Raises:
        RelaypilotError: a socket cannot be opened, or another daemon answers on it.
    """
    if listen is not None and not token:
        raise UsageError("[api] listen needs [api] token: without it anyone who reaches the port could move mail.")
    app = create_app(desk, token=None)
    with contextlib.ExitStack() as cleanup:
        unix = cleanup.enter_context(open_unix_socket(socket, group))
        ours = inode_of(socket)
        cleanup.callback(_remove_own, socket, ours)
        servers = [(_server(app), unix)]
        port: int | None = None
        if listen is not None and token:
            tcp = cleanup.enter_context(open_tcp_socket(listen))
            port = tcp.getsockname()[1]
            servers.append((_server(BearerToken(app, token)), tcp))
        running = [asyncio.ensure_future(server.serve(sockets=[listener])) for server, listener in servers]
        if on_listening is not None:
            on_listening(port)  # connections made from here on wait in the listeners' backlog
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({stopped, *running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            app.state.stopping.set()
            for server, _ in servers:
                server.should_exit = True
            results = await asyncio.gather(*running, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result


def _server(app: ASGIApp) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


def _remove_own(path: Path, inode: int | None) -> None:
    if inode is not None and inode_of(path) == inode:
        path.unlink(missing_ok=True)
