"""Files that survive a crash: written aside, synced, renamed."""

import contextlib
import errno
import hashlib
import os
from pathlib import Path

NEW, OLD = ".relaypilot-new", ".relaypilot-old"  # beside the file they will become, or were


def write_durably(path: Path, text: str, *, mode: int) -> None:
    """Replace a file in one step; a crash leaves the former or the new content, whole.

    Raises:
        OSError: it could not be written; the former content stands.
    """
    aside = path.with_name(path.name + NEW)
    write_aside(aside, text.encode(), mode=mode)
    aside.replace(path)
    sync_dir(path.parent)


def write_aside(path: Path, content: bytes, *, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Create a file and sync it; readable by nobody else until mode and owner are right.

    Raises:
        OSError: it could not be written; nothing is left of it.
    """
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def append_durably(path: Path, line: str, *, mode: int) -> None:
    """Append one line and sync it; a torn last line of an earlier crash is ended first.

    Raises:
        OSError: it could not be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        content = (b"\n" if torn else b"") + line.encode() + b"\n"
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    if os.write(descriptor, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sync_dir(path: Path) -> None:
    """Make renames in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_text_or_none(path: Path) -> str | None:
    """Return a file's text, or None when there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def digest_of(path: Path) -> str | None:
    """Return the SHA-256 of a file's mode, owner and content, or None when there is no such file."""
    try:
        content, status = path.read_bytes(), path.stat()
    except FileNotFoundError:
        return None
    return hashlib.sha256(b"%o %d %d\n" % (status.st_mode, status.st_uid, status.st_gid) + content).hexdigest()


def backdate(path: Path, at_seconds: float) -> None:
    """Set a file's time to the given seconds since the epoch.

    Postfix reads a file again until it is 2 s old, so a reload right after an edit takes 1 to 2 s; after
    backdating it took 0.05 s (Postfix 3.7.11, 2026-11).
    """
    os.utime(path, (at_seconds, at_seconds))
