"""A log to read: a file or standard input, plain or compressed by gzip."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BufferedReader, FileIO
from pathlib import Path
from typing import IO

from service.errors import PermissionNeededError, RelaypilotError, UsageError

STANDARD_INPUT = "-"
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 256 * 1024


class LogSource:
    """An opened log."""

    def __init__(self, name: str, file: BufferedReader, written_at: datetime | None) -> None:
        self.name = name
        self.written_at = written_at  # when the file was written last; none for standard input
        self._file = file

    def chunks(self) -> Iterator[bytes]:
        """Yield the log's bytes, decompressed, in parts that end anywhere.

        Raises:
            RelaypilotError: the file cannot be read to its end.
        """
        try:
            if self._file.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):
                # Members one after the other are one file (RFC 1952 §2.2), as `cat *.gz` makes them.
                yield from _parts(gzip.GzipFile(fileobj=self._file))
            else:
                yield from _parts(self._file)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise RelaypilotError(
                f"Reading {self.name} failed: its gzip data is damaged or ends early ({error}); unpack what can be "
                "saved with `zcat` and pipe that into --from-log -."
            ) from error
        except OSError as error:
            raise RelaypilotError(f"Reading {self.name} failed: {error.strerror or error}.") from error


@contextmanager
def open_log(path: str) -> Iterator[LogSource]:
    """Open a log by its path, or standard input as "-".

    Raises:
        UsageError: there is no such file.
        PermissionNeededError: this user may not read it.
    """
    if path == STANDARD_INPUT:
        yield LogSource("standard input", BufferedReader(FileIO(0, closefd=False)), None)
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 (closed below)
    except PermissionError as error:
        raise PermissionNeededError(
            f"This user may not read {path}; run this as root or as a member of the log's group (adm on Debian)."
        ) from error
    except OSError as error:
        raise UsageError(f"--from-log: {path} cannot be opened: {error.strerror or error}.") from error
    with file:
        written_at = datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
        yield LogSource(path, file, written_at)


def _parts(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
