"""Bring the tables to the version that this relaypilot was written for.

A new store is made from the tables themselves, an older one is upgraded by the migrations; a test holds
the two equal. So Alembic is imported, which costs about 11 MB for good, only when there is something to upgrade.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlmodel import SQLModel

from service.errors import StoreCorruptError, StoreError, StoreTooNewError
from service.store import tables
from service.store.database import Database

CURRENT_VERSION = "0003"  # the newest revision in migrations/versions
MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "alembic_version"
READ_VERSION = "SELECT version_num FROM alembic_version"
OWN_TABLES = tuple(
    SQLModel.metadata.tables[str(row.__tablename__)]
    for row in (
        tables.FactRow,
        tables.SnapshotRow,
        tables.JournalRow,
        tables.PositionRow,
        tables.RollupRow,
        tables.UnfinishedRow,
        tables.IncidentRow,
    )
)


def ensure_schema(database: Database) -> None:
    """Make or upgrade the tables, in one transaction.

    Raises:
        StoreTooNewError: the tables are of a version that this relaypilot does not know.
        StoreCorruptError: the file holds something else.
        StoreError: in another of its kinds.
    """
    with database.read() as session:
        if version_of(session.connection(), database.path) == CURRENT_VERSION:
            return
    with database.write() as session:
        connection = session.connection()
        found = version_of(connection, database.path)  # again: another process may have been faster
        if found is None:
            create_tables(connection)
        elif found != CURRENT_VERSION:
            upgrade(connection, database.path)


def refuse_other_version(database: Database) -> None:
    """Look at the tables' version only.

    Raises:
        StoreError: it is not the one that this relaypilot reads; in one of its kinds.
    """
    with database.read() as session:
        found = version_of(session.connection(), database.path)
    if found != CURRENT_VERSION:
        raise StoreError(
            f"opening the store {database.path}: it has version {found or 'none'}, this relaypilot reads "
            f"{CURRENT_VERSION}; the daemon upgrades it at its start"
        )


def version_of(connection: Connection, path: Path) -> str | None:
    """Return the version of the tables; none for an empty file.

    Raises:
        StoreTooNewError: the version is unknown.
        StoreCorruptError: there are tables, but not ours.
    """
    names = inspect(connection).get_table_names()
    if not names:
        return None
    rows = connection.exec_driver_sql(READ_VERSION).all() if VERSION_TABLE in names else []
    if len(rows) != 1:
        raise StoreCorruptError(
            f"opening the store {path}: the file holds another program's tables; give store.url a file of its own"
        )
    version = str(rows[0][0])
    if version > CURRENT_VERSION:
        raise StoreTooNewError(
            f"opening the store {path}: it has version {version}, this relaypilot knows up to {CURRENT_VERSION}; "
            "install the newer relaypilot again, or move the file away to begin a new store"
        )
    return version


def create_tables(connection: Connection) -> None:
    """Make all tables at the current version."""
    SQLModel.metadata.create_all(connection, tables=OWN_TABLES)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version "
        "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (CURRENT_VERSION,))


def upgrade(connection: Connection, path: Path) -> None:
    """Run the migrations that are missing, inside the connection's transaction.

    Raises:
        StoreCorruptError: there is no way from the version that was found.
    """
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreCorruptError(
            f"upgrading the store {path}: {error}; move the file away, and a new store begins at the next start"
        ) from error
