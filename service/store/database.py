"""Connections to the SQLite file: how it is made, how it is spoken to, and what its failures mean."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlmodel import Session

from service.errors import StoreCorruptError, StoreError, StoreFullError, StoreLockedError, StoreReadOnlyError

_WRITES = "relaypilot_writes"


def sqlite_file(url: str) -> Path:
    """Return the file that a store URL names.

    Raises:
        StoreError: the URL is not one of a SQLite file with an absolute path.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise StoreError('opening the store: the URL names no SQLite file; write "sqlite:////absolute/path.db"')
    path = Path(parsed.database)
    if not path.is_absolute():
        raise StoreError(f'opening the store: "{path}" is a relative path; write "sqlite:////absolute/path.db"')
    return path


def create_file(path: Path) -> None:
    """Make the file readable and writable by its owner alone, and its directory, where they are missing.

    SQLite gives its -wal and -shm files the same mode (https://sqlite.org/wal.html).

    Raises:
        StoreReadOnlyError: the operating system refused.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreReadOnlyError(
            f"opening the store {path}: {error.strerror}; let this user write there, or set store.url"
        ) from error


class Database:
    """One SQLite file, opened for several threads: each borrows a connection for the length of one transaction."""

    def __init__(self, path: Path, busy_timeout_seconds: float, *, read_only: bool = False) -> None:
        self.path = path
        self._busy_timeout_seconds = busy_timeout_seconds
        self._read_only = read_only
        how = {"creator": self._connect_read_only} if read_only else {}
        self._reading = create_engine(f"sqlite:///{path}", pool_size=2, max_overflow=8, **how)
        event.listen(self._reading, "connect", self._prepare)
        event.listen(self._reading, "begin", _begin)
        self._writing: Engine = self._reading.execution_options(**{_WRITES: True})

    def _connect_read_only(self) -> sqlite3.Connection:
        """Return a connection that cannot write (https://sqlite.org/uri.html).

        Not by SQLAlchemy's URL: it takes back the escapes that a path needs in SQLite's (2.1, seen 2026-11).
        """
        uri = f"file:{quote(str(self.path))}?mode=ro"
        return sqlite3.connect(uri, uri=True, check_same_thread=False)

    def _prepare(self, connection: sqlite3.Connection, _record: object) -> None:
        """Set what holds for one connection only.

        synchronous=FULL: in WAL mode NORMAL may lose the last commits at a power loss, and the journal
        promises that an intention is on disk before Postfix is touched (https://sqlite.org/pragma.html).
        """
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        connection.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout_seconds * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        if self._read_only:
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -1024")  # KiB, per connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that sees one moment of the store.

        Raises:
            StoreError: in one of its kinds.
        """
        with self._translated("reading"), Session(self._reading) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session whose changes are all kept or, after any exception, none.

        Raises:
            StoreError: in one of its kinds.
        """
        with (
            self._translated("writing"),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Close every connection that no thread has borrowed."""
        self._reading.dispose()

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise store_error(doing, self.path, error.orig, self._busy_timeout_seconds) from error
        except sqlite3.Error as error:
            raise store_error(doing, self.path, error, self._busy_timeout_seconds) from error


def _begin(connection: Connection) -> None:
    """Begin; writers take the write lock at once, so that none fails half-way for having read first."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def store_error(doing: str, path: Path, cause: BaseException | None, waited_seconds: float) -> StoreError:
    """Return the error that says what SQLite's result code means (https://sqlite.org/rescode.html)."""
    code: Any = getattr(cause, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    start = f"{doing} the store {path}: "
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreLockedError(
            f"{start}another process has held it for {waited_seconds:g} s; see who: fuser -v {path}"
        )
    if primary == sqlite3.SQLITE_FULL:
        return StoreFullError(f"{start}no space left; free some: df {path.parent}")
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return StoreReadOnlyError(f"{start}{cause}; let this user write {path.parent} and the files in it")
    if primary in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return StoreCorruptError(f"{start}{cause}; move the file away, and a new store begins at the next start")
    if primary == sqlite3.SQLITE_IOERR:
        return StoreError(f"{start}{cause}; look for disk errors: dmesg, df {path.parent}")
    return StoreError(f"{start}{cause}; if it stays, move the file away and report this")
