"""Read a growing log file, over rotation and truncation, from where the last run stopped."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from probes.errors import ProbeError

_HEAD_BYTES = 256
_TAIL_BYTES = 65536
_BYTES_PER_READ = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPosition:
    """How far a log file has been read. The caller stores it together with what it made of the lines."""

    inode: int
    offset: int  # bytes; always at the start of a line
    head: str  # digest of the file's first bytes: an inode number is used again after a deletion

    def __str__(self) -> str:
        return f"{self.inode} {self.offset} {self.head}"

    @classmethod
    def parse(cls, text: str) -> "LogPosition | None":
        """Return the position written as text, or none if it is not one."""
        try:
            inode, offset, head = text.split(" ")
            return cls(inode=int(inode), offset=int(offset), head=head)
        except ValueError:
            return None


class LogFollower:
    """Hands out the complete lines that were added since the last call."""

    def __init__(self, path: Path, position: LogPosition | None = None, *, from_start: bool = False) -> None:
        """Take up at `position`; without one begin at the end of the file, or at its start."""
        self._path = path
        self._resume = position
        self._from_start = from_start
        self._file: BinaryIO | None = None
        self._inode = 0
        self._offset = 0
        self._head = b""
        self._rotation_seen = False

    @property
    def position(self) -> LogPosition | None:
        """Return how far the lines handed out reach; none before a file was opened."""
        if self._file is None:
            return self._resume
        return LogPosition(inode=self._inode, offset=self._offset, head=_describe(self._head))

    def read(self) -> list[str]:
        """Return the lines added since the last call, without line ends; at most 1 MB at a time.

        Raises:
            ProbeError: the file may not be read.
        """
        try:
            if self._file is None and not self._open():
                return []
            return self._read_lines() or self._follow_rotation()
        except PermissionError:
            raise ProbeError(
                f"reading {self._path}: permission denied; let the daemon's user read it (on Debian: group adm)"
            ) from None

    def close(self) -> None:
        """Close the file; the position stays."""
        if self._file is not None:
            self._resume = self.position
            self._file.close()
            self._file = None

    def _open(self) -> bool:
        """Open the file to read next, at the right place; return false if there is none."""
        resume, self._resume = self._resume, None
        if resume is not None:
            for path in (self._path, *sorted(self._path.parent.glob(f"{self._path.name}?*"))):
                if self._open_at(path, resume):
                    return True
        if not self._open_file(self._path):
            self._resume = resume
            return False
        if resume is None and not self._from_start:
            self._skip_to_end()
        return True

    def _open_at(self, path: Path, position: LogPosition) -> bool:
        """Open this file at the position, if it is the file that the position was taken in."""
        if not path.is_file() or path.stat().st_ino != position.inode or not self._open_file(path):
            return False
        length = int(position.head.partition(":")[0]) if position.head.partition(":")[0].isdecimal() else 0
        size = os.fstat(self._fd).st_size
        if size < position.offset or _describe(os.pread(self._fd, length, 0)) != position.head:
            self._close_file()
            return False
        self._offset = position.offset
        return True

    def _open_file(self, path: Path) -> bool:
        try:
            self._file = path.open("rb")
        except FileNotFoundError:
            return False
        self._inode = os.fstat(self._fd).st_ino
        self._offset = 0
        self._head = os.pread(self._fd, _HEAD_BYTES, 0)
        self._rotation_seen = False
        return True

    def _skip_to_end(self) -> None:
        size = os.fstat(self._fd).st_size
        start = max(0, size - _TAIL_BYTES)
        tail = os.pread(self._fd, size - start, start)
        self._offset = start + tail.rfind(b"\n") + 1 if b"\n" in tail else start

    def _read_lines(self) -> list[str]:
        if os.fstat(self._fd).st_size < self._offset or os.pread(self._fd, len(self._head), 0) != self._head:
            self._offset = 0  # truncated in place, as logrotate's copytruncate does
            self._head = b""
        chunk = os.pread(self._fd, _BYTES_PER_READ, self._offset)
        end = chunk.rfind(b"\n") + 1
        if len(self._head) < _HEAD_BYTES:
            self._head = os.pread(self._fd, min(_HEAD_BYTES, self._offset + end), 0)
        if end == 0:
            if len(chunk) == _BYTES_PER_READ:
                self._offset += len(chunk)  # no line of a mail log is that long
            return []
        self._offset += end
        self._rotation_seen = False
        return chunk[: end - 1].decode("utf-8", "replace").split("\n")

    def _follow_rotation(self) -> list[str]:
        """Go on with the new file once the old one has stayed silent for two calls: its writer may lag behind."""
        try:
            rotated = self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return []
        if not rotated:
            return []
        if not self._rotation_seen:
            self._rotation_seen = True
            return []
        self._close_file()
        return self._read_lines() if self._open_file(self._path) else []

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _fd(self) -> int:
        assert self._file is not None  # noqa: S101 - for the type checker; every caller has opened it
        return self._file.fileno()


def _describe(head: bytes) -> str:
    return f"{len(head)}:{hashlib.sha256(head).hexdigest()[:16]}"
