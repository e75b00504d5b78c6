"""What the store says when the disk, another process or the file itself stands in the way."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.observation import Notice, NoticeKind
from service.errors import (
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
    StoreTooNewError,
)
from service.store.store import Snapshot, Store, open_store


def count(numbered) -> Snapshot:
    return Snapshot(policy_hash="p", seq=numbered[-1][0], state="{}")


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_a_store_held_by_another_process_is_waited_for_and_then_named(url: str, clock) -> None:
    store = open_store(url, clock, busy_timeout_seconds=0.2)
    other = sqlite3.connect(file_of(url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLockedError, match=r"another process has held it for 0\.2 s; see who: fuser -v"):
        store.record([Notice(at=clock.now(), kind=NoticeKind.START)], count)
    assert list(store.facts()) == []
    other.execute("COMMIT")
    other.close()
    assert store.record([Notice(at=clock.now(), kind=NoticeKind.START)], count).seq == 1
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "small"
    directory.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", directory], check=False, capture_output=True
    )
    if mount.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mount.stderr.decode().strip()}")
    yield directory
    subprocess.run(["umount", directory], check=True)


def test_a_full_disk_is_named_and_keeps_whole_records_only(small_disk: Path, clock) -> None:
    store = open_store(f"sqlite:///{small_disk}/relaypilot.db", clock)
    notice = Notice(at=clock.now(), kind=NoticeKind.START, detail={"x": "y" * 1000})
    recorded = 0
    with pytest.raises(StoreFullError, match=f"no space left; free some: df {small_disk}"):
        for _ in range(1000):
            store.record([notice] * 10, count)
            recorded += 10
    assert recorded > 0
    assert len(list(store.facts())) == recorded
    snapshot = store.snapshot()
    assert snapshot is not None
    assert snapshot.seq == recorded
    store.close()


def test_a_read_only_file_system_is_named(small_disk: Path, clock) -> None:
    url = f"sqlite:///{small_disk}/relaypilot.db"
    open_store(url, clock).close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StoreReadOnlyError, match="let this user write there"):
        open_store(url, clock)


def test_a_file_that_is_no_database_is_named_and_left_alone(url: str, clock) -> None:
    path = file_of(url)
    path.parent.mkdir()
    path.write_text("this is a diary, not a database\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreCorruptError, match="file is not a database; move the file away"):
        open_store(url, clock)
    assert path.read_bytes() == before


def test_a_damaged_store_is_named(url: str, clock) -> None:
    store = open_store(url, clock)
    store.record([Notice(at=clock.now(), kind=NoticeKind.START, detail={"x": "y" * 3000})] * 20, count)
    store.close()
    with file_of(url).open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096 * 20))
    with pytest.raises(StoreError, match="move the file away"):
        list(open_store(url, clock).facts())


def test_a_database_of_another_program_is_not_touched(url: str, clock) -> None:
    path = file_of(url)
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipes (name TEXT)")
    other.commit()
    other.close()
    with pytest.raises(StoreCorruptError, match=r"another program's tables; give store\.url a file of its own"):
        open_store(url, clock)


def test_a_store_of_a_newer_version_is_refused(url: str, clock) -> None:
    open_store(url, clock).close()
    newer = sqlite3.connect(file_of(url))
    newer.execute("UPDATE alembic_version SET version_num = '0099'")
    newer.commit()
    newer.close()
    with pytest.raises(StoreTooNewError, match="it has version 0099, this relaypilot knows up to"):
        open_store(url, clock)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///relative.db", "postgresql://db/relaypilot", "nonsense", "sqlite:////proc/nowhere/x"]
)
def test_a_url_that_names_no_usable_file_is_refused(url: str, clock) -> None:
    with pytest.raises(StoreError, match="opening the store"):
        open_store(url, clock)


RECORDING = """
import os, signal, sys
from datetime import UTC, datetime
from probes.observation import Notice, NoticeKind
from service.clock import SystemClock
from service.store.entry import JournalEntry, JournalKind, Trigger
from service.store.store import Snapshot, open_store

url, fatal = sys.argv[1], int(sys.argv[2])
store = open_store(url, SystemClock())
notice = Notice(at=datetime(2026, 3, 1, tzinfo=UTC), kind=NoticeKind.START, detail={"x": "y" * 500})
number = 0

def fold(numbered):
    if number == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return Snapshot(policy_hash="p", seq=numbered[-1][0], state="{}")

while True:
    number += 1
    entry = JournalEntry(request_id=str(number), at=notice.at, kind=JournalKind.INTENDED,
                         trigger=Trigger.AUTOMATIC, actor="relaypilot", reason="test")
    store.record([notice] * 50, fold, positions={"log": str(number)}, journal=[entry])
    print(number, flush=True)
"""


def check_whole(store: Store, least: int) -> None:
    seqs = [seq for seq, _ in store.facts()]
    records = len(seqs) // 50
    assert seqs == list(range(1, records * 50 + 1))
    assert records >= least, "a record that had been confirmed is gone"
    snapshot = store.snapshot()
    assert snapshot is not None
    assert snapshot.seq == len(seqs)
    assert store.position("log") == str(records)
    assert len(store.journal.history(limit=10_000)) == records


def test_a_process_killed_between_facts_and_state_leaves_neither(url: str, clock) -> None:
    process = subprocess.run([sys.executable, "-c", RECORDING, url, "4"], check=False, capture_output=True, text=True)
    assert process.returncode == -9, process.stderr
    store = open_store(url, clock)
    check_whole(store, least=3)
    assert store.position("log") == "3"
    store.close()


@pytest.mark.parametrize("confirmed", [1, 7, 23])
def test_a_process_killed_at_any_moment_leaves_whole_records(url: str, clock, confirmed: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", RECORDING, url, "-1"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == confirmed:
            process.kill()
            break
    process.wait()
    process.stdout.close()
    store = open_store(url, clock)
    check_whole(store, least=confirmed)
    store.close()
