"""Reads what is appended to a log file from now on, through rotation."""

import os
from pathlib import Path


class LogTail:
    """A log file followed from its present end. Close it after use."""

    def __init__(self, path: Path) -> None:
        """Open the file at its end.

        Raises:
            OSError: it cannot be opened.
        """
        self._path = path
        self._file = path.open("rb")
        self._file.seek(0, os.SEEK_END)
        self._rest = b""

    def lines(self) -> list[str]:
        """Return the whole lines appended since the last call; never waits."""
        content = self._rest + self._file.read()
        if self._rotated():
            self._file.close()
            self._file = self._path.open("rb")
            content += self._file.read()
        *whole, self._rest = content.split(b"\n")
        return [line.decode("utf-8", "replace") for line in whole]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rotated(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False  # between the two halves of a rotation
        here = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)
