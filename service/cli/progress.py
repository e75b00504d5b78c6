"""Shows that something is going on, and what, when it takes longer than a moment."""

import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from service.clock import SystemClock

_FIRST_SECONDS = 0.5
_NEXT_SECONDS = 0.1
_FIRST_COUNT_SECONDS = 1.0
_ERASE = "\r\x1b[K"


class Progress:
    """While entered: one line on a terminal's standard error with the elapsed time and the last step.

    Nothing is shown for what is done within half a second. Where standard error is no terminal, steps are
    printed line by line and the time is not. `follow` yields steps from elsewhere (the daemon); it is called
    only once there is something to show.
    """

    def __init__(self, what: str, follow: Callable[[], Iterator[str]] | None = None) -> None:
        self._what = what
        self._follow = follow
        self._step = ""
        self._clock = SystemClock()
        self._next_count_seconds = _FIRST_COUNT_SECONDS
        self._done = threading.Event()
        self._live = sys.stderr.isatty()
        self._drawer = threading.Thread(target=self._draw, daemon=True)

    def step(self, text: str) -> None:
        """Show this as the present step."""
        self._step = text
        if not self._live:
            print(text, file=sys.stderr, flush=True)

    def count(self, text: str) -> None:
        """Show how far it has come; may be called often. On no terminal a line after 1 s, then ever less often."""
        elapsed = self._clock.monotonic() - self._started
        if self._live:
            self._step = text
        elif elapsed >= self._next_count_seconds:
            self._next_count_seconds = 2 * elapsed
            self.step(text)

    def __enter__(self) -> Self:
        """Start showing."""
        self._started = self._clock.monotonic()
        self._drawer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away again."""
        self._done.set()
        self._drawer.join()

    def _draw(self) -> None:
        if self._done.wait(_FIRST_SECONDS):
            return
        if self._follow is not None:
            threading.Thread(target=self._listen, args=(self._follow,), daemon=True).start()
        if not self._live:
            return
        while True:
            elapsed = self._clock.monotonic() - self._started
            line = f"{self._what} … {elapsed:.1f} s" + (f"  {self._step}" if self._step else "")
            sys.stderr.write(_ERASE + line[: _columns() - 1])
            sys.stderr.flush()
            if self._done.wait(_NEXT_SECONDS):
                break
        sys.stderr.write(_ERASE)
        sys.stderr.flush()

    def _listen(self, follow: Callable[[], Iterator[str]]) -> None:
        try:
            for step in follow():
                if self._done.is_set():
                    return
                self.step(step)
        except Exception:  # noqa: BLE001 (steps are a courtesy; the command itself reports what fails)
            return


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns
