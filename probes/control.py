"""The control check: are our own network, name service and clock all right? Blame ourselves before every provider."""

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from probes.observation import Notice, NoticeKind
from providers.base import Clock

Target = tuple[str, int]  # host, port


class ControlCheck:
    """Connects to something that is no provider, and compares the two clocks."""

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        clock: Clock,
        timeout_seconds: float = 5.0,
        most_drift_seconds: float = 5.0,
    ) -> None:
        """Take what to connect to: one that answers is enough. The clocks are compared from now on."""
        self._targets = tuple(dict.fromkeys(targets))
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._most_drift_seconds = most_drift_seconds
        self._wall, self._monotonic = clock.now(), clock.monotonic()

    async def run(self) -> Notice:
        """Return a control notice; detail `ok` is "yes", "no" or "unknown", `what` says why in one sentence.

        A jump of the clock is told once: the next check compares with the new time.
        """
        drift = self._drift_seconds()
        failures = await self._try_targets()
        at = self._clock.now()
        if abs(drift) > self._most_drift_seconds:
            return _notice(at, ok=False, what=f"the wall clock jumped by {drift:+.0f} s against the monotonic clock")
        if not self._targets:
            return _notice(at, ok=None, what="the clock is steady; there is nothing to connect to")
        if failures is not None:
            return _notice(at, ok=False, what=f"our own network: {'; '.join(failures)}")
        return _notice(at, ok=True, what="network and clock are all right")

    def _drift_seconds(self) -> float:
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        drift = (wall - self._wall).total_seconds() - (monotonic - self._monotonic)
        self._wall, self._monotonic = wall, monotonic
        return drift

    async def _try_targets(self) -> list[str] | None:
        """Return none if a target answered, else why each did not."""
        attempts = [asyncio.create_task(self._connect(host, port)) for host, port in self._targets]
        failures: list[str] = []
        try:
            for attempt in asyncio.as_completed(attempts):
                failure = await attempt
                if failure is None:
                    return None
                failures.append(failure)
        finally:
            for task in attempts:
                task.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)
        return sorted(failures)

    async def _connect(self, host: str, port: int) -> str | None:
        """Return none if host and port answer, else what was seen. Includes the name look-up."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            return f"{host}:{port} did not answer within {self._timeout_seconds:g} s"
        except OSError as error:
            return f"{host}:{port}: {_words(error)}"
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return None


def _words(error: OSError) -> str:
    """Return what the system says; asyncio replaces it by the address for a refused connection."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _notice(at: datetime, *, ok: bool | None, what: str) -> Notice:
    said = {True: "yes", False: "no", None: "unknown"}[ok]
    return Notice(at=at, kind=NoticeKind.CONTROL, detail={"ok": said, "what": what})
