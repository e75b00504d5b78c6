"""The replacement of one file, in steps that can each be undone after a crash."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from service.postfix.durable import NEW, OLD, digest_of, sync_dir, write_aside


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file: what it held and what it is to hold (`digest_of`); None means no such file."""

    path: Path
    before: str | None
    after: str | None

    @property
    def new(self) -> Path:
        """Return where the new content waits."""
        return self.path.with_name(self.path.name + NEW)

    @property
    def old(self) -> Path:
        """Return where the former file is kept until the move is over."""
        return self.path.with_name(self.path.name + OLD)

    def commit(self) -> None:
        """Put the new content in place.

        Raises:
            OSError: it could not be renamed.
        """
        if self.after is None:
            self.path.unlink(missing_ok=True)
        else:
            self.new.replace(self.path)
        sync_dir(self.path.parent)

    def undo(self) -> bool:
        """Put the former file back, itself and not a copy; return False when somebody else changed it since.

        Raises:
            OSError: it could not be renamed.
        """
        live = digest_of(self.path)
        if live == self.before:
            return True
        if live != self.after:
            return False
        if self.before is None:
            self.path.unlink(missing_ok=True)
        else:
            self.old.replace(self.path)
        sync_dir(self.path.parent)
        return True

    def clean(self) -> None:
        """Remove what lies beside the file."""
        for path in (self.new, self.old):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def keep_old(path: Path) -> str | None:
    """Keep a file beside itself and return its digest, or None when there is no such file.

    A hard link needs no space and keeps mode, owner and times, so putting it back cannot fail for want of them.

    Raises:
        OSError: it can be neither linked nor copied.
    """
    digest = digest_of(path)
    if digest is None:
        return None
    old = path.with_name(path.name + OLD)
    old.unlink(missing_ok=True)
    try:
        os.link(path, old)
    except OSError:  # a file system without hard links
        status = path.stat()
        write_aside(old, path.read_bytes(), mode=status.st_mode & 0o7777, owner=(status.st_uid, status.st_gid))
        os.utime(old, ns=(status.st_atime_ns, status.st_mtime_ns))
    return digest
