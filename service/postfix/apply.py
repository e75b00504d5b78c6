"""The one transaction that changes Postfix's route.

Snapshot, write aside, validate, record the intent, rename, reload, read back, canary message, record. Nothing
in force is touched before the intent is on disk; from there a failure, or a crash at any point, is finished or
undone by the same code: at once, or at the next call (`recover`).

The commit point is the rename of main.cf: a crash before it is undone, a crash after it is finished.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from providers.base import Clock
from service.decision.route import Route
from service.postfix.current import Current, read_current
from service.postfix.durable import digest_of
from service.postfix.errors import (
    CannotWriteError,
    DriftFoundError,
    MoveFailedError,
    NotRunningError,
    RequestReusedError,
    RouteRefusedError,
    StaleGenerationError,
)
from service.postfix.installation import Installation, check_installation
from service.postfix.intent import Request, read_intent
from service.postfix.journal import JournalLine, find_in_journal
from service.postfix.lock import transaction_lock
from service.postfix.move import Move, sweep
from service.postfix.render import check_route
from service.postfix.steps import STEPS, Observer, log_step

__all__ = ["STEPS", "Applied", "apply", "recover"]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A move that was carried out."""

    request_id: str
    generation: int
    route: Route
    verified: bool  # the canary message was seen to take the new route
    sentence: str
    repeated: bool = False  # carried out by an earlier call with the same request_id


def apply(
    installation: Installation,
    *,
    request_id: str,
    expected_generation: int,
    route: Route,
    clock: Clock,
    observer: Observer = log_step,
    actor: str = "",
    reason: str = "",
    trigger: str = "manual",
    pin_until: datetime | None = None,
    override_drift: bool = False,
) -> Applied:
    """Bring a route into force, or leave Postfix as it was.

    The route that is in force already, with a new `request_id`, is written anew as today's configuration has it
    (`Current.outdated`), and counts as a move: the generation advances.

    Calling again with the same `request_id` returns (or raises) what became of it, without effect. A move that
    was cut short is finished or undone first.

    Raises:
        ApplyError: with what was seen and what to do; Postfix's configuration is byte for byte as before.
        CommandError: a Postfix command could not be run; likewise.
        UndoFailedError: the move failed and could not be undone either.
    """
    if not _REQUEST_ID.fullmatch(request_id):
        raise RouteRefusedError("A request identifier is 1 to 64 letters, digits, dots, dashes or underscores.")
    check_installation(installation)
    check_route(route, installation)
    request = Request(
        request_id=request_id, route=route, actor=actor, reason=reason, trigger=trigger, pin_until=pin_until
    )
    with transaction_lock(installation, clock), _writing(installation):
        _recover(installation, clock, observer)
        earlier = find_in_journal(installation, request_id)
        if earlier is not None:
            return _repeat(earlier, route)
        seen = {path: digest_of(path) for path in (installation.main_cf, installation.master_cf)}
        current = read_current(installation)
        _check_start(current, expected_generation, override_drift)
        return _applied(Move(installation, request, clock, observer).begin(current, seen))


def recover(installation: Installation, clock: Clock, observer: Observer = log_step) -> JournalLine | None:
    """Finish or undo a move that was cut short; return its journal line, or None when there was none.

    Raises:
        UndoFailedError: it could neither be finished nor undone.
        BusyError: a move is being applied.
    """
    with transaction_lock(installation, clock), _writing(installation):
        return _recover(installation, clock, observer)


@contextmanager
def _writing(installation: Installation) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotWriteError(
            f"Using {error.filename or installation.helper_dir} failed: {error.strerror}; Postfix was not changed."
        ) from error


def _repeat(earlier: JournalLine, route: Route) -> Applied:
    if earlier.after != route:
        raise RequestReusedError(f"The request {earlier.request_id} was made for another route; use a new identifier.")
    if earlier.outcome != "applied":
        raise MoveFailedError(f"This move failed at {earlier.at:%Y-%m-%d %H:%M:%S} UTC: {earlier.detail}")
    return _applied(earlier, repeated=True)


def _applied(line: JournalLine, *, repeated: bool = False) -> Applied:
    return Applied(
        request_id=line.request_id,
        generation=line.generation,
        route=line.after,
        verified=line.verified,
        sentence=line.detail,
        repeated=repeated,
    )


def _check_start(current: Current, expected_generation: int, override_drift: bool) -> None:
    if current.generation != expected_generation:
        raise StaleGenerationError(
            f"The route was changed since it was read: generation {current.generation}, expected "
            f"{expected_generation}; look at the present route and decide again."
        )
    if current.drift and not override_drift:
        names = ", ".join(f"{drift.kind} {drift.name}" for drift in current.drift)
        raise DriftFoundError(
            f"Changed by hand since relaypilot wrote it: {names}; look at the difference with `relaypilot plan`, "
            "undo it or repeat the move with --force.\n" + "".join(drift.diff for drift in current.drift)[:4000]
        )
    if not current.running:
        raise NotRunningError(
            "Postfix is not running, so a move could not be verified; start it first: `postfix start`."
        )


def _recover(installation: Installation, clock: Clock, observer: Observer) -> JournalLine | None:
    intent = read_intent(installation)
    if intent is None:
        sweep(installation)
        return None
    return Move(installation, intent.request, clock, observer).resume(intent)
