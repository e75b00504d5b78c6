"""Waits with an end."""

import time


def until(true, within_seconds, what):
    """Return what `true` returns as soon as it is true."""
    end = time.monotonic() + within_seconds
    while not (found := true()):
        if time.monotonic() > end:
            raise SystemExit(f"not within {within_seconds} s: {what}")
        time.sleep(0.1)
    return found
