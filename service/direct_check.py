"""What `check` and `suppressions sync` do when no daemon answers: the same, in this process."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from service.clock import SystemClock
from service.config_file import load_config
from service.readiness.account_desk import AccountDesk
from service.readiness.views import CheckRequest, CheckView, CopyRequest, CopyView
from service.setup import set_up

T = TypeVar("T")


def direct_check(config_path: Path, request: CheckRequest) -> CheckView:
    """Return the findings on the providers' accounts.

    Raises:
        RelaypilotError: the configuration cannot be read, or names no such provider.
    """
    return _asked(config_path, lambda desk: desk.check(request))


def direct_copy(config_path: Path, request: CopyRequest) -> CopyView:
    """Copy suppressed addresses between providers.

    Raises:
        RelaypilotError: the configuration cannot be read, or a list could not be read or added to.
    """
    return _asked(config_path, lambda desk: desk.copy_suppressions(request))


def _asked(config_path: Path, ask: Callable[[AccountDesk], Awaitable[T]]) -> T:
    clock = SystemClock()
    setup = set_up(load_config(config_path, os.environ), clock)
    # The daemon's own key is not needed: what this sends is deleted by nobody but its reader.
    desk = AccountDesk(lambda: setup, clock=clock, secret=secrets.token_bytes(32), new_id=lambda: secrets.token_hex(6))

    async def run() -> T:
        try:
            return await ask(desk)
        finally:
            for provider in setup.providers.values():
                await provider.aclose()

    return asyncio.run(run())
