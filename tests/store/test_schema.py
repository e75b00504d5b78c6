import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from service.errors import StoreCorruptError
from service.store.database import Database, create_file
from service.store.schema import CURRENT_VERSION, MIGRATIONS, OWN_TABLES, ensure_schema, upgrade
from service.store.store import open_store


def tables_of(path: Path) -> list[tuple[str, str, str]]:
    """Return columns, indices and constraints as SQLite sees them, whatever order they were made in."""
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = []
    for name in sorted(names):
        for pragma in ("table_info", "index_list", "foreign_key_list"):
            rows = connection.execute(f"PRAGMA {pragma}({name})")
            found.extend((name, pragma, str(row[1:] if pragma == "index_list" else row)) for row in rows)
        sql = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
        found.append((name, "autoincrement", str("AUTOINCREMENT" in sql)))
    connection.close()
    return found


def migrated(tmp_path: Path) -> Database:
    path = tmp_path / "migrated.db"
    create_file(path)
    database = Database(path, 5)
    with database.write() as session:
        upgrade(session.connection(), path)
    return database


def test_migrations_from_empty_make_the_tables_of_the_models(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    with database.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    database.close()


def test_a_new_store_equals_a_migrated_one(tmp_path: Path, url: str, clock) -> None:
    migrated(tmp_path).close()
    open_store(url, clock).close()
    assert tables_of(tmp_path / "migrated.db") == tables_of(Path(url.removeprefix("sqlite:///")))


def test_the_current_version_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [CURRENT_VERSION]


def test_no_other_table_is_registered() -> None:
    assert set(SQLModel.metadata.sorted_tables) == set(OWN_TABLES)


def test_a_version_that_no_migration_knows_is_named_and_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    create_file(path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute("INSERT INTO alembic_version VALUES ('0000')")
    connection.commit()
    connection.close()
    before = tables_of(path)
    database = Database(path, 5)
    with pytest.raises(StoreCorruptError, match=r"upgrading the store .*0000.*; move the file away"):
        ensure_schema(database)
    database.close()
    assert tables_of(path) == before


def test_an_interrupted_migration_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "half.db"
    create_file(path)
    database = Database(path, 5)
    with pytest.raises(ZeroDivisionError), database.write() as session:
        upgrade(session.connection(), path)
        raise ZeroDivisionError
    database.close()
    assert tables_of(path) == []


def test_opening_does_not_load_alembic(url: str) -> None:
    code = (
        "import sys; from service.clock import SystemClock; from service.store.store import open_store;"
        f"open_store({url!r}, SystemClock()).close(); open_store({url!r}, SystemClock()).close();"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
