"""What the command line does by itself when no daemon answers: read the state, and move mail as root."""

import asyncio
import os
import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from probes.observation import Fact
from probes.rounds import session_sweep
from providers.base import Clock
from service.answers import override_views, provider_views, route_view
from service.clock import SystemClock
from service.config_file import load_config
from service.decision.fold import step
from service.decision.health import health
from service.decision.route import ANY_RECEIVER, Route
from service.decision.safety import MANUAL
from service.decision.state import State, initial_state, state_from_json
from service.errors import PermissionNeededError, RelaypilotError, StoreError
from service.manual import by_hand, manual_plan, refuse_unsafe
from service.offered import offered
from service.postfix.apply import apply, recover
from service.postfix.current import Current, read_current
from service.postfix.errors import PostfixError
from service.postfix.flush import flush
from service.postfix.installation import Installation, installation_of
from service.setup import Setup, set_up, store_url
from service.store.database import sqlite_file
from service.store.store import open_store
from service.version import version
from service.views import FailoverRequest, MoveView, StatusView


def direct_status(config_path: Path) -> StatusView:
    """Return what Postfix and the store say without the daemon.

    Raises:
        RelaypilotError: the configuration cannot be read.
    """
    clock = SystemClock()
    now = clock.now()
    setup = set_up(load_config(config_path, os.environ), clock)
    state, store_problem = _stored_state(setup, clock)
    current, route_problem = _current(setup)
    route = current.route if current else None
    problems = ("The daemon is not running, so nothing is measured and nothing is moved.", store_problem, route_problem)
    return StatusView(
        at=now,
        version=version(),
        mode=str(setup.policy.mode),
        daemon="not running",
        sentence="Postfix goes on with the last route; start the daemon with `systemctl start relaypilot`.",
        route=route_view(current, None, route_problem),
        providers=provider_views(setup.providers, health(state, setup.policy, now), route),
        overrides=override_views(state, now),
        problems=tuple(p for p in problems if p),
    )


def direct_failover(config_path: Path, request: FailoverRequest, progress: Callable[[str], None]) -> MoveView:
    """Move mail without the daemon, by the same plan, safety rules and transaction; needs root.

    What the store knows may be old, so the target is tried first, by one session check.

    Raises:
        RelaypilotError: refused or failed; Postfix is as it was.
    """
    if os.geteuid() != 0:
        raise PermissionNeededError(
            "Moving mail without the daemon writes Postfix's configuration, which needs root: repeat it with sudo."
        )
    clock = SystemClock()
    started = clock.monotonic()
    setup = set_up(load_config(config_path, os.environ), clock)
    installation = installation_of(setup.config, setup.providers)
    recover(installation, clock)
    current = read_current(installation)
    state, _ = _stored_state(setup, clock)
    if request.to in setup.providers:
        progress(f"checking a session with {request.to}")
        for fact in asyncio.run(_check(setup, request.to, clock)):
            state = step(state, fact, setup.policy)
    now = clock.now()
    policy = offered(setup.policy, current)
    planned = manual_plan(request.to, current.route, state, policy, now, request.receiver)
    rule = refuse_unsafe(planned, state, policy, now, force=request.force)
    progress("applying the route")
    return _applied(planned.wanted, rule, current, installation, setup, request, clock, started)


def _applied(
    wanted: Route,
    rule: str,
    current: Current,
    installation: Installation,
    setup: Setup,
    request: FailoverRequest,
    clock: Clock,
    started: float,
) -> MoveView:
    seconds = setup.policy.manual_pin_seconds if request.for_seconds is None else request.for_seconds
    pin_until = clock.now() + timedelta(seconds=seconds) if seconds else None
    reason = request.reason or by_hand(request.actor, request.to, request.receiver)
    applied = apply(
        installation,
        request_id=secrets.token_hex(8),
        expected_generation=current.generation,
        route=wanted,
        clock=clock,
        actor=request.actor,
        reason=reason if rule == MANUAL else f"{reason} ({rule})",
        trigger=MANUAL,
        pin_until=pin_until,
        override_drift=request.force,
    )
    try:
        flushed: int | None = flush(installation, clock).tried
    except PostfixError:
        flushed = None  # mail is tried again by Postfix's own schedule
    return MoveView(
        request_id=applied.request_id,
        outcome="applied",
        receiver=request.receiver,
        route=applied.route.lane(request.receiver or ANY_RECEIVER).providers,
        generation=applied.generation,
        verified=applied.verified,
        pinned_until=pin_until,
        flushed=flushed,
        duration_seconds=clock.monotonic() - started,
        sentence=f"{applied.sentence} The daemon takes this move over at its next start.",
    )


async def _check(setup: Setup, to: str, clock: Clock) -> list[Fact]:
    sender = setup.config.probes.sender
    recipient = setup.seeds[0].address if setup.seeds else sender
    sweep = session_sweep(
        [setup.providers[to]], sender=sender, recipient=recipient, sweep_id=secrets.token_hex(6), clock=clock
    )
    return [observation async for observation in sweep]


def _stored_state(setup: Setup, clock: Clock) -> tuple[State, str | None]:
    url = store_url(setup.config)
    try:
        if not sqlite_file(url).exists():
            return initial_state(), "There is no store yet: the daemon has never run."
        store = open_store(url, clock)  # as root, SQLite gives the files beside it to the store's owner
        kept = store.snapshot()
        store.close()
    except StoreError as error:
        return initial_state(), str(error)
    try:
        return (state_from_json(kept.state) if kept else initial_state()), None
    except (KeyError, TypeError, ValueError):
        return initial_state(), "The stored state is of another version; the daemon brings it up to date at its start."


def _current(setup: Setup) -> tuple[Current | None, str | None]:
    try:
        return read_current(installation_of(setup.config, setup.providers)), None
    except RelaypilotError as error:
        return None, str(error)
    except PermissionError as error:
        return None, f"Reading Postfix's route failed: {error.strerror}; repeat this as root."
