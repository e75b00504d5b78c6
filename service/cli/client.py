"""Talks to the daemon over its unix socket.

Standard library only: the HTTP library that the service uses elsewhere takes three times as long to import
(0.09 s against 0.03 s, measured 2026-11), and `failover` is in a hurry.
"""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from service.cli.socket_path import socket_path
from service.errors import DaemonNotRunningError, DaemonUnreachableError, PermissionNeededError, RelaypilotError

T = TypeVar("T")

_ANSWER_SECONDS = 30.0
_MOVE_SECONDS = 180.0  # a move waits for Postfix and for its canary message


class ProblemAnsweredError(RelaypilotError):
    """The daemon answered with a problem document."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(str(document.get("detail") or document.get("title") or "the daemon gave no reason"))
        self.document = document


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout_seconds: float | None) -> None:
        super().__init__("relaypilot", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """The daemon's API. Every call may raise DaemonUnreachableError and ProblemAnsweredError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, path: str, **query: str | int | None) -> Any:
        """Return the JSON that a path answers."""
        given = {key: value for key, value in query.items() if value is not None}
        return json.loads(self._exchange("GET", f"{path}?{urlencode(given)}" if given else path, None))

    def page(self, path: str, last_header: str, **query: str | int | None) -> tuple[str, str]:
        """Return the text that a path answers, and the header that says where the next page begins."""
        given = {key: value for key, value in query.items() if value is not None}
        connection = _UnixConnection(self._path, _ANSWER_SECONDS)
        try:
            answer = self._ask(connection, "GET", f"{path}?{urlencode(given)}", None)
            return self._read(answer.read).decode(), answer.headers.get(last_header, "")
        finally:
            connection.close()

    def post(self, path: str, body: dict[str, Any], timeout_seconds: float = _MOVE_SECONDS) -> Any:
        """Return the JSON that a path answers to this body."""
        return json.loads(self._exchange("POST", path, body, timeout_seconds))

    def lines(self, method: str, path: str, body: dict[str, Any] | None = None) -> Iterator[str]:
        """Yield the lines of a streamed answer as they come; waits as long as the daemon does."""
        connection = _UnixConnection(self._path, None)
        try:
            answer = self._ask(connection, method, path, body)
            while line := self._read(answer.readline):
                yield line.decode().rstrip("\n")
        finally:
            connection.close()

    def _exchange(
        self, method: str, path: str, body: dict[str, Any] | None, timeout_seconds: float = _ANSWER_SECONDS
    ) -> bytes:
        connection = _UnixConnection(self._path, timeout_seconds)
        try:
            return self._read(self._ask(connection, method, path, body).read)
        finally:
            connection.close()

    def _ask(
        self, connection: _UnixConnection, method: str, path: str, body: dict[str, Any] | None
    ) -> http.client.HTTPResponse:
        try:
            connection.connect()
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise DaemonNotRunningError(
                f"The daemon is not running: nobody listens on {self._path}; "
                "start it with `systemctl start relaypilot` (or `relaypilot run`)."
            ) from error
        except PermissionError as error:
            raise PermissionNeededError(
                f"This user may not use the daemon's socket {self._path}; run this as root, "
                "or as a member of the group that [api] group names."
            ) from error
        except OSError as error:
            raise DaemonUnreachableError(
                f"Connecting to the daemon on {self._path} failed: {error.strerror or error}; see its log."
            ) from error
        text = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}

        def exchange() -> http.client.HTTPResponse:
            connection.request(method, path, body=text, headers=headers)
            return connection.getresponse()

        answer = self._read(exchange)
        if answer.status >= http.client.BAD_REQUEST:
            raise ProblemAnsweredError(_document(self._read(answer.read), answer.status))
        return answer

    def _read(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except TimeoutError as error:
            raise DaemonUnreachableError(
                f"The daemon on {self._path} did not answer in time; look at its log, and at `relaypilot status` "
                "before trying again."
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise DaemonUnreachableError(
                f"The daemon on {self._path} went away before it had answered ({type(error).__name__}); "
                "look at its log, and at `relaypilot status` before trying again."
            ) from error


def _document(content: bytes, status: int) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    return {"title": "Unreadable answer", "detail": f"The daemon answered {status} without saying why; see its log."}


def client_of(config: Path) -> Client:
    """Return a client for the daemon that runs with this configuration.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    return Client(socket_path(config))
