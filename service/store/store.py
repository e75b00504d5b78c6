"""The store: one file, one transaction per call. Values go in and out, never rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select
from sqlmodel import Session, col

from probes.observation import Fact, Observation, Signal
from providers.base import Clock
from service.decision.compare import Records
from service.decision.incident import Incident
from service.errors import PermissionNeededError, StoreError
from service.store.database import Database, create_file, sqlite_file
from service.store.entry import JournalEntry
from service.store.journal import Journal, append_entry
from service.store.rollups import add_facts, forget, open_incidents, put_incidents, read_records
from service.store.rows import fact_columns, fact_of
from service.store.schema import ensure_schema, refuse_other_version
from service.store.tables import FactRow, PositionRow, SnapshotRow
from service.tabulation import Pace

_PAGE_ROWS = 1000
_SNAPSHOT_ID = 1
_PACE = Pace(round_seconds=990.0, watch_seconds=180.0)  # of the default policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state after folding the facts up to `seq` under one policy."""

    policy_hash: str
    seq: int
    state: str  # JSON
    incidents: tuple[Incident, ...] = ()  # that began, changed or ended with the facts just folded


def open_store(url: str, clock: Clock, *, busy_timeout_seconds: float = 5.0) -> "Store":
    """Return the store at a SQLAlchemy URL, made or upgraded where needed.

    Raises:
        StoreError: in one of its kinds.
    """
    path = sqlite_file(url)
    create_file(path)
    database = Database(path, busy_timeout_seconds)
    try:
        ensure_schema(database)
    except BaseException:
        database.close()
        raise
    return Store(database, clock)


def open_store_for_reading(url: str, clock: Clock, *, busy_timeout_seconds: float = 5.0) -> "Store":
    """Return the store at a SQLAlchemy URL, which is neither made nor upgraded nor written.

    Raises:
        PermissionNeededError: this user may not look there.
        StoreError: there is none, or none of this version; or in one of its kinds.
    """
    path = sqlite_file(url)
    try:
        path.stat()
    except PermissionError as error:
        raise PermissionNeededError(f"This user may not read the store {path}; run this as root.") from error
    except OSError as error:
        raise StoreError(
            f"opening the store {path}: {error.strerror}; the daemon makes it at its first start"
        ) from error
    database = Database(path, busy_timeout_seconds, read_only=True)
    try:
        refuse_other_version(database)
    except BaseException:
        database.close()
        raise
    return Store(database, clock)


class Store:
    """Facts, state, journal and positions. Any thread may call; writers wait for one another.

    Every method raises a `StoreError` in one of its kinds when the file cannot be read or written, and then
    nothing of that call was kept.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.journal = Journal(database)

    def record(
        self,
        facts: Sequence[Fact],
        fold: Callable[[Sequence[tuple[int, Fact]]], Snapshot],
        *,
        positions: Mapping[str, str] | None = None,
        journal: Sequence[JournalEntry] = (),
        pace: Pace = _PACE,
    ) -> Snapshot:
        """Append facts, what they add to the roll-ups, the state folded from them, positions, journal entries.

        All or nothing.

        `fold` gets the facts with their numbers and returns the state after them. It runs while the store is
        locked for writing, so it must be short, must not use the store, and must not keep what it returned
        before this call has returned.

        Raises:
            ValueError: the snapshot is not of the last fact, or a time has no time zone.
        """
        with self._database.write() as session:
            last = _last_seq(session)
            numbered = [(last + place, fact) for place, fact in enumerate(facts, start=1)]
            if numbered:
                session.execute(insert(FactRow), [fact_columns(seq, fact) for seq, fact in numbered])
                add_facts(session, facts, pace)
            snapshot = fold(numbered)
            if snapshot.seq != last + len(numbered):
                raise ValueError(f"snapshot of fact {snapshot.seq}, but the last fact is {last + len(numbered)}")
            session.merge(
                SnapshotRow(
                    id=_SNAPSHOT_ID,
                    policy_hash=snapshot.policy_hash,
                    seq=snapshot.seq,
                    state=snapshot.state,
                    saved_at=self._clock.now(),
                )
            )
            put_incidents(session, snapshot.incidents)
            _set_positions(session, positions or {})
            for entry in journal:
                append_entry(session, entry)
        return snapshot

    def snapshot(self) -> Snapshot | None:
        """Return the last recorded state; none before the first record."""
        with self._database.read() as session:
            row = session.get(SnapshotRow, _SNAPSHOT_ID)
            return Snapshot(policy_hash=row.policy_hash, seq=row.seq, state=row.state) if row else None

    def facts(
        self,
        after_seq: int = 0,
        limit: int | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        provider: str | None = None,
        receiver: str | None = None,
        signal: Signal | None = None,
    ) -> Iterator[tuple[int, Fact]]:
        """Yield facts with their numbers in the order they were recorded, `since` included, `until` not.

        Reads page by page, so a slow reader never holds the store.
        """
        query = select(FactRow).order_by(col(FactRow.seq))
        if since is not None:
            query = query.where(col(FactRow.at) >= since)
        if until is not None:
            query = query.where(col(FactRow.at) < until)
        if provider is not None:
            query = query.where(col(FactRow.provider) == provider)
        if receiver is not None:
            query = query.where(col(FactRow.receiver) == receiver)
        if signal is not None:
            query = query.where(col(FactRow.signal) == signal.value)
        if since is not None and after_seq <= 0:
            after_seq = self._seq_before(since)
        while limit is None or limit > 0:
            rows_wanted = _PAGE_ROWS if limit is None else min(limit, _PAGE_ROWS)
            page = query.where(col(FactRow.seq) > after_seq).limit(rows_wanted)
            with self._database.read() as session:
                found = [(row.seq, fact_of(row)) for row in session.scalars(page)]
            yield from found
            if len(found) < rows_wanted:
                return
            after_seq = found[-1][0]
            limit = None if limit is None else limit - len(found)

    def _seq_before(self, since: datetime) -> int:
        """Return a number below all facts of this time and later.

        By the index of times: going through the facts from the first on took 1.5 s with ten million (2026-11). Not
        the number of the earliest of them: after a clock was set back, later facts may bear earlier times. The sum
        keeps SQLite from looking for the least number by going through the facts after all.
        """
        with self._database.read() as session:
            first = session.scalar(select(func.min(col(FactRow.seq) + 0)).where(col(FactRow.at) >= since))
        return -1 if first is None else first - 1

    def observations(
        self,
        since: datetime,
        until: datetime,
        *,
        provider: str | None = None,
        receiver: str | None = None,
        signal: Signal | None = None,
    ) -> Iterator[Observation]:
        """Yield the observations of a span of time, `since` included, `until` not."""
        facts = self.facts(since=since, until=until, provider=provider, receiver=receiver, signal=signal)
        return (fact for _, fact in facts if isinstance(fact, Observation))

    def records(self, since: datetime, until: datetime) -> Records:
        """Return what was rolled up over a span of time, in whole hours; those of deleted facts are in it."""
        with self._database.read() as session:
            return read_records(session, since, until)

    def open_incidents(self) -> tuple[Incident, ...]:
        """Return the incidents that have not ended."""
        with self._database.read() as session:
            return open_incidents(session)

    def position(self, name: str) -> str | None:
        """Return how far the named reader had come."""
        with self._database.read() as session:
            row = session.get(PositionRow, name)
            return row.value if row else None

    def set_position(self, name: str, value: str) -> None:
        """Keep how far the named reader has come."""
        with self._database.write() as session:
            _set_positions(session, {name: value})

    def prune(self, now: datetime, keep: timedelta, *, batch_rows: int = 2000, batches: int = 20) -> int:
        """Delete observations and notices older than `keep`; return how many.

        Deletes in short transactions and stops after `batches` of them: call again while it returns
        `batch_rows * batches`. The journal is kept, and roll-ups and incidents for as long as a window reaches.
        """
        deleted = 0
        with self._database.write() as session:
            forget(session, now)
        for _ in range(batches):
            with self._database.write() as session:
                old = select(col(FactRow.seq)).where(col(FactRow.at) < now - keep).limit(batch_rows)
                seqs = session.scalars(old).all()
                if seqs:
                    session.execute(delete(FactRow).where(col(FactRow.seq).in_(seqs)))
            deleted += len(seqs)
            if len(seqs) < batch_rows:
                break
        return deleted

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _last_seq(session: Session) -> int:
    """Return the number of the last fact ever recorded, deleted ones included."""
    stored = session.scalar(select(func.max(col(FactRow.seq)))) or 0
    row = session.get(SnapshotRow, _SNAPSHOT_ID)
    return max(stored, row.seq if row else 0)


def _set_positions(session: Session, positions: Mapping[str, str]) -> None:
    for name, value in positions.items():
        session.merge(PositionRow(name=name, value=value))
