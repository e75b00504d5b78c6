"""Asks the root helper, over its socket, for what only root may do. Blocking."""

import socket
from datetime import datetime
from pathlib import Path
from typing import Any

from service.config import LONGEST_CANARY_WAIT
from service.decision.route import Route
from service.postfix.apply import Applied
from service.postfix.current import Current
from service.postfix.errors import AnswerLostError, HelperError, HelperUnreachableError, RequestRefusedError
from service.postfix.flush import Flushed
from service.postfix.journal import JournalLine, line_from_json
from service.postfix.protocol import (
    MAX_ANSWER_BYTES,
    MAX_REQUEST_BYTES,
    ApplyRequest,
    FlushRequest,
    HelperRequest,
    JournalRequest,
    PlainRequest,
    applied_from_json,
    current_from_json,
    flushed_from_json,
    parse_answer,
    request_line,
)

QUICK_SECONDS = 10.0  # for what only reads
MOVE_SECONDS = LONGEST_CANARY_WAIT.total_seconds() + 90.0  # and Postfix's commands, and a request before this one


class HelperClient:
    """The root helper as seen from the daemon: one connection a request.

    Every method raises the error that the helper met, of its own class, or:

        HelperUnreachableError: nobody answers on the socket, or not in time.
        HelperError: the answer makes no sense.

    After an AnswerLostError of `apply` the move may have been carried out: the helper's journal knows.
    """

    def __init__(
        self, socket_path: Path, *, quick_seconds: float = QUICK_SECONDS, move_seconds: float = MOVE_SECONDS
    ) -> None:
        """Take the socket's path; opens nothing. `move_seconds` is for `apply` and `flush`, which do real work."""
        self._path = socket_path
        self._quick_seconds, self._move_seconds = quick_seconds, move_seconds

    def apply(
        self,
        request_id: str,
        expected_generation: int,
        route: Route,
        *,
        actor: str = "",
        reason: str = "",
        trigger: str = "manual",
        pin_until: datetime | None = None,
        override_drift: bool = False,
    ) -> Applied:
        """Bring a route into force (`service.postfix.apply.apply`)."""
        request = ApplyRequest(
            request_id=request_id,
            expected_generation=expected_generation,
            route=route,
            actor=one_line(actor),
            reason=one_line(reason),
            trigger=trigger,
            pin_until=pin_until,
            override_drift=override_drift,
        )
        return applied_from_json(self._ask(request, self._move_seconds))

    def current(self) -> Current:
        """Return what Postfix holds now."""
        return current_from_json(self._ask(PlainRequest(op="current"), self._quick_seconds))

    def journal(self, after_generation: int = 0) -> tuple[JournalLine, ...]:
        """Return the moves whose generation is greater, oldest first; asks as often as there are pages."""
        found: dict[str, JournalLine] = {}
        beyond: str | None = None
        while page := self._ask(JournalRequest(after=after_generation, beyond=beyond), self._quick_seconds):
            lines = [line_from_json(values) for values in page]
            known = len(found)
            found.update((line.request_id, line) for line in lines)
            if len(found) == known:
                break  # nothing new: the line to go on from was trimmed away meanwhile
            beyond = lines[-1].request_id
        return tuple(found.values())

    def flush(self, cursor: str = "") -> Flushed:
        """Have some deferred mail tried now (`service.postfix.flush.flush`)."""
        return flushed_from_json(self._ask(FlushRequest(cursor=cursor), self._move_seconds))

    def ping(self) -> None:
        """Return when the helper answers."""
        self._ask(PlainRequest(op="ping"), self._quick_seconds)

    def _ask(self, request: HelperRequest, timeout_seconds: float) -> Any:
        line = request_line(request)
        if len(line) > MAX_REQUEST_BYTES:
            raise RequestRefusedError(
                f"The request for the root helper has {len(line)} bytes, and it takes {MAX_REQUEST_BYTES} at most: the "
                "route has too many lanes, so give fewer receivers recipient domains."
            )
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_seconds)
            try:
                connection.connect(str(self._path))
            except OSError as error:
                raise HelperUnreachableError(
                    f"Nobody answers on the root helper's socket {self._path} ({error.strerror or 'timed out'}); "
                    "is relaypilot-helper.service running?"
                ) from error
            try:
                connection.sendall(line)
                answer = _read_line(connection)
            except TimeoutError as error:
                raise AnswerLostError(
                    f"The root helper on {self._path} did not answer within {timeout_seconds:g} s; look at its log."
                ) from error
            except OSError as error:
                raise AnswerLostError(
                    f"The connection to the root helper on {self._path} broke ({error.strerror}); look at its log."
                ) from error
        return parse_answer(answer)


def one_line(text: str) -> str:
    """Return a text as the helper takes it: one line, printable, at most 500 characters."""
    return "".join(c if c.isprintable() else " " for c in text)[:500]


def _read_line(connection: socket.socket) -> bytes:
    answer = bytearray()
    while not answer.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            raise AnswerLostError("The root helper closed the connection without an answer; look at its log.")
        answer += part
        if len(answer) > MAX_ANSWER_BYTES:
            raise HelperError("The root helper's answer has no end; look at its log.")
    return bytes(answer)
