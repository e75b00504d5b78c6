"""The small root process that executes the transaction for the unprivileged daemon.

It serves one JSON line a connection, one connection at a time, to root and one configured user, and reads its
own root-owned configuration anew for each request; one that has become wrong is not used, and the last right
one stays in force. SIGTERM lets the request at hand end.
"""

import logging
import os
import selectors
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from providers.base import Clock
from service.clock import SystemClock
from service.postfix.apply import apply, recover
from service.postfix.current import read_current
from service.postfix.errors import HelperError, PostfixError, RequestRefusedError
from service.postfix.flush import flush
from service.postfix.installation import Installation
from service.postfix.journal import journal_page, line_json
from service.postfix.listener import allowed_uids, listen
from service.postfix.protocol import (
    MAX_REQUEST_BYTES,
    ApplyRequest,
    FlushRequest,
    HelperRequest,
    JournalRequest,
    answer_line,
    applied_json,
    current_json,
    error_line,
    flushed_json,
    parse_request,
)
from service.postfix.root_config import LatestInstallation, load_installation
from service.postfix.steps import Observer, log_step

_REQUEST_SECONDS = 5.0
_log = logging.getLogger(__name__)


def run_helper(
    config_path: Path,
    *,
    clock: Clock | None = None,
    load: Callable[[Path, Clock], Installation] = load_installation,
    observer: Observer = log_step,
) -> int:
    """Serve until SIGTERM or SIGINT, telling `observer` each step of each move; return the exit status.

    Raises:
        RelaypilotError: the configuration is wrong or the socket cannot be opened.
    """
    clock = clock or SystemClock()
    latest = LatestInstallation(config_path, clock, load)
    installation = latest()
    wake, woken = socket.socketpair()
    woken.setblocking(False)
    wake.setblocking(False)
    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    former = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    former_fd = signal.set_wakeup_fd(wake.fileno())
    listener = listen(installation)
    try:
        _finish_interrupted(installation, clock, observer)
        notify("READY=1")
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while not stopping:
                if listener in [key.fileobj for key, _ in selector.select()] and not stopping:
                    connection, _ = listener.accept()
                    with connection:
                        _serve(connection, latest, clock, observer)
        notify("STOPPING=1")
    finally:
        signal.set_wakeup_fd(former_fd)
        for number, action in former.items():
            signal.signal(number, action)
        installation.helper_socket.unlink(missing_ok=True)
        for end in (listener, wake, woken):
            end.close()
    return 0


def notify(state: str) -> None:
    """Tell systemd our state, if it wants to know (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
            end.connect("\0" + address[1:] if address.startswith("@") else address)
            end.sendall(state.encode())


def _finish_interrupted(installation: Installation, clock: Clock, observer: Observer) -> None:
    try:
        line = recover(installation, clock, observer)
    except PostfixError as error:
        _log.error("a move that was cut short could not be finished or undone: %s", error)
    else:
        if line is not None:
            _log.warning("a move that was cut short: %s: %s", line.outcome, line.detail)


def _serve(connection: socket.socket, load: Callable[[], Installation], clock: Clock, observer: Observer) -> None:
    try:
        connection.settimeout(_REQUEST_SECONDS)
        answer = _answer(connection, load, clock, observer)
        connection.settimeout(_REQUEST_SECONDS)
        connection.sendall(answer)
    except OSError as error:
        _log.info("a caller went away: %s", error)


def _answer(connection: socket.socket, load: Callable[[], Installation], clock: Clock, observer: Observer) -> bytes:
    try:
        line = _read_request(connection, clock)  # first: a close before it is read would cost the caller its answer
        installation = load()
        _check_peer(connection, installation)
        request = parse_request(line)
        return answer_line(_carry_out(request, installation, clock, observer))
    except PostfixError as error:
        _log.info("refused or failed: %s", error)
        return error_line(error)
    except Exception:  # noqa: BLE001 - the boundary: a fault of ours must not end the helper
        _log.exception("a request failed")
        return error_line(HelperError("The root helper failed on this request; its log says why."))


def _check_peer(connection: socket.socket, installation: Installation) -> None:
    """Refuse everybody but root and the configured user (unix(7) SO_PEERCRED)."""
    size = struct.calcsize("3i")
    _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    if uid not in allowed_uids(installation):
        raise RequestRefusedError(f"Only root and {installation.helper_user} may ask the root helper.")


def _read_request(connection: socket.socket, clock: Clock) -> bytes:
    """Return the one line of a request; it has few seconds to arrive whole."""
    give_up_at = clock.monotonic() + _REQUEST_SECONDS
    line = bytearray()
    while b"\n" not in line:
        left = give_up_at - clock.monotonic()
        if left <= 0:
            raise RequestRefusedError(f"The request did not arrive within {_REQUEST_SECONDS:g} s.")
        connection.settimeout(left)
        try:
            part = connection.recv(4096)
        except TimeoutError:
            continue
        if not part:
            raise RequestRefusedError("The request ended before its line did.")
        line += part
        if len(line) > MAX_REQUEST_BYTES:
            raise RequestRefusedError(f"The request is longer than {MAX_REQUEST_BYTES} bytes.")
    if not line.endswith(b"\n") or line.count(b"\n") != 1:
        raise RequestRefusedError("A connection carries one request of one line.")
    return bytes(line)


def _carry_out(request: HelperRequest, installation: Installation, clock: Clock, observer: Observer) -> Any:
    match request:
        case ApplyRequest():
            applied = apply(
                installation,
                request_id=request.request_id,
                expected_generation=request.expected_generation,
                route=request.route,
                clock=clock,
                observer=observer,
                actor=request.actor,
                reason=request.reason,
                trigger=request.trigger,
                pin_until=request.pin_until,
                override_drift=request.override_drift,
            )
            _log.info("moved to %s, generation %d", applied.route.active, applied.generation)
            return applied_json(applied)
        case JournalRequest():
            recover(installation, clock, observer)  # what the journal does not know has then not happened
            return [line_json(line) for line in journal_page(installation, request.after, request.beyond)]
        case FlushRequest():
            return flushed_json(flush(installation, clock, request.cursor))
    if request.op == "current":
        return current_json(read_current(installation))
    return "pong"
