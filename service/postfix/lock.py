"""One transaction at a time on this host, whichever process runs it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from providers.base import Clock
from service.postfix.errors import BusyError, CannotWriteError
from service.postfix.installation import Installation

_POLL_SECONDS = 0.05


@contextmanager
def transaction_lock(installation: Installation, clock: Clock, wait_seconds: float = 2.0) -> Iterator[None]:
    """Hold the lock of the transaction; a process that dies gives it up.

    Raises:
        BusyError: another process holds it, and held it for `wait_seconds`.
        CannotWriteError: the state directory cannot be used.
    """
    directory = installation.helper_dir
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise CannotWriteError(
                f"{directory} must belong to root and be writable by nobody else; set it right first."
            )
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CannotWriteError(
            f"Using the state directory {directory} failed: {error.strerror}; nothing was changed."
        ) from error
    try:
        give_up_at = clock.monotonic() + wait_seconds
        while not _taken(descriptor):
            if clock.monotonic() >= give_up_at:
                raise BusyError("Another move is being applied; try again when it has ended.")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
