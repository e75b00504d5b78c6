"""The daemon's HTTP API on its unix socket, read as any program beside it would read it."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from deploy.sandbox.errors import NotRunningError

_FACTS_A_CALL = 5000
_LAST_SEQ = "Relaypilot-Last-Seq"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_seconds: float) -> None:
        super().__init__("relaypilot", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class DaemonApi:
    """Reads from the daemon; a new connection for every call."""

    def __init__(self, path: Path, *, timeout_seconds: float = 5) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds

    def status(self) -> dict[str, Any]:
        """Return /v1/status.

        Raises:
            NotRunningError: the daemon does not answer.
        """
        text, _ = self._get("/v1/status")
        found: dict[str, Any] = json.loads(text)
        return found

    def facts(self, after: int) -> tuple[list[dict[str, Any]], int]:
        """Return every fact recorded after this number, and the number of the last one.

        Raises:
            NotRunningError: the daemon does not answer.
        """
        found: list[dict[str, Any]] = []
        while True:
            text, last = self._get(f"/v1/observations?after={after}&limit={_FACTS_A_CALL}")
            lines = text.splitlines()
            found += map(json.loads, lines)
            after = int(last or after)
            if len(lines) < _FACTS_A_CALL:
                return found, after

    def _get(self, path: str) -> tuple[str, str | None]:
        connection = _UnixConnection(self._path, self._timeout_seconds)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise NotRunningError(
                f"relaypilot does not answer on {self._path}: {error or type(error).__name__}."
            ) from None
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise NotRunningError(f"relaypilot answers {path} with {answer.status}: {body[:200]}")
        return body, answer.headers.get(_LAST_SEQ)
