"""Observation files: read plain, compressed or from standard input; written whole or not at all."""

import gzip
import io
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from probes.errors import FactFormatError
from probes.fact_json import fact_from_json
from probes.observation import Fact
from service.errors import PermissionNeededError, RelaypilotError, UsageError

STDIN = "-"
_GZIP = b"\x1f\x8b"  # RFC 1952 §2.3.1
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class FactFile:
    """An observation file that can be read more than once; standard input is kept aside for that.

    Every method raises UsageError when there is no such file, PermissionNeededError when it may not be read, and
    RelaypilotError, with the number of the line, when something in it is no fact.
    """

    def __init__(self, name: str) -> None:
        self.name = "standard input" if name == STDIN else name
        self._path = None if name == STDIN else Path(name)
        self._aside: BinaryIO | None = None

    def facts(self, only: bytes = b"") -> Iterator[Fact]:
        """Yield the facts in order; with `only`, those of the lines that hold these bytes."""
        for number, line in self.lines(only):
            yield self.fact(number, line)

    def fact(self, number: int, line: str) -> Fact:
        """Return the fact in one of the lines."""
        try:
            return fact_from_json(line, line_number=number)
        except FactFormatError as error:
            raise RelaypilotError(f"Reading {self.name}: {error}.") from error

    def lines(self, only: bytes = b"") -> Iterator[tuple[int, str]]:
        """Yield the lines that are not empty with their numbers; with `only`, those that hold these bytes."""
        number = 0
        try:
            with self._open() as file:
                for line in file:
                    number += 1
                    if only in line and (text := line.strip()):
                        plain = text.removeprefix(_BYTE_ORDER_MARK) if number == 1 else text
                        yield number, plain.decode()
        except UnicodeDecodeError as error:
            raise RelaypilotError(f"Reading {self.name}: line {number}: not UTF-8 text.") from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise RelaypilotError(
                f"Reading {self.name}: after line {number} the compressed data is damaged or cut short."
            ) from error
        except OSError as error:
            raise RelaypilotError(f"Reading {self.name} failed after line {number}: {error.strerror}.") from error

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        with self._raw() as raw:
            if raw.peek(2)[:2] != _GZIP:
                yield raw
            else:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield cast(IO[bytes], io.BufferedReader(cast(io.RawIOBase, unpacked)))

    @contextmanager
    def _raw(self) -> Iterator[io.BufferedReader]:
        if self._path is None:
            yield self._kept_aside()
            return
        try:
            raw = self._path.open("rb")
        except PermissionError as error:
            raise PermissionNeededError(f"This user may not read {self.name}; run this as one who may.") from error
        except OSError as error:
            remedy = "name an observation file, or - for standard input"
            raise UsageError(f"Reading {self.name}: {error.strerror}; {remedy}.") from error
        with raw:
            yield raw

    def _kept_aside(self) -> io.BufferedReader:
        if self._aside is None:
            self._aside = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - read again later; has no name
            shutil.copyfileobj(sys.stdin.buffer, self._aside)
        self._aside.seek(0)
        return cast(io.BufferedReader, self._aside)


@contextmanager
def written(target: Path | None) -> Iterator[Callable[[str], Any]]:
    """Yield what takes text for this file, compressed when its name ends in .gz; without one, standard output.

    The file appears when all of it is on disk, readable by its owner alone; after any error there is none, and
    one that was there stays.

    Raises:
        UsageError: it cannot be written there.
        RelaypilotError: writing failed.
    """
    if target is None:
        yield sys.stdout.write
        return
    target = target.resolve()
    try:
        special = target.exists() and not stat.S_ISREG(target.stat().st_mode)  # a pipe or device is not replaced
        if special:
            aside, file = None, target.open("wb")
        else:
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
            aside, file = Path(name), os.fdopen(descriptor, "wb")
    except OSError as error:
        raise UsageError(f"Writing {target}: {error.strerror}; name a file that this user can write.") from error
    try:
        with file:
            if target.suffix == ".gz":
                with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                    yield lambda text: packed.write(text.encode())
            else:
                yield lambda text: file.write(text.encode())
            file.flush()
            if aside is not None:
                os.fsync(file.fileno())
        if aside is not None:
            aside.replace(target)
    except BaseException as error:
        if aside is not None:
            aside.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise RelaypilotError(f"Writing {target} failed, so it is as it was: {error.strerror}.") from error
        raise
