"""The journal of switchovers: appended, never changed."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from service.store.database import Database
from service.store.entry import JournalEntry, JournalKind
from service.store.rows import entry_of, journal_row
from service.store.tables import JournalRow

__all__ = ["Journal", "JournalEntry", "append_entry"]

_AT_ONCE = 500  # values in one query


class Journal:
    """What was intended and what became of it. Raises a `StoreError` in one of its kinds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entry: JournalEntry) -> JournalEntry:
        """Keep an entry and return it with its `id`; on disk when this returns.

        The same request and kind again changes nothing and returns the entry that is there, so an import may
        be repeated.

        Raises:
            ValueError: the request id is empty, or the time has no time zone.
        """
        with self._database.write() as session:
            return append_entry(session, entry)

    def history(self, limit: int = 50, before: int | None = None) -> list[JournalEntry]:
        """Return the newest entries first; `before` is the `id` to go on from."""
        query = select(JournalRow).order_by(col(JournalRow.id).desc()).limit(limit)
        if before is not None:
            query = query.where(col(JournalRow.id) < before)
        with self._database.read() as session:
            return [entry_of(row) for row in session.scalars(query)]

    def request(self, request_id: str) -> list[JournalEntry]:
        """Return the entries of one request, oldest first."""
        query = select(JournalRow).where(col(JournalRow.request_id) == request_id).order_by(col(JournalRow.id))
        with self._database.read() as session:
            return [entry_of(row) for row in session.scalars(query)]

    def newest_generation(self) -> int:
        """Return the newest generation of the route that an entry names; 0 when none does."""
        with self._database.read() as session:
            return session.scalar(select(func.max(col(JournalRow.generation)))) or 0

    def known(self, request_ids: Sequence[str]) -> frozenset[str]:
        """Return those of these requests that have an entry."""
        found: set[str] = set()
        with self._database.read() as session:
            for start in range(0, len(request_ids), _AT_ONCE):
                request_id, some = col(JournalRow.request_id), request_ids[start : start + _AT_ONCE]
                found.update(session.scalars(select(request_id).where(request_id.in_(some))))
        return frozenset(found)

    def unfinished(self) -> list[JournalEntry]:
        """Return the enforced intentions of which nobody has written what became, oldest first."""
        outcome = aliased(JournalRow)
        has_outcome = (
            select(col(outcome.id))
            .where(col(outcome.request_id) == col(JournalRow.request_id))
            .where(col(outcome.kind) != JournalKind.INTENDED.value)
            .exists()
        )
        query = (
            select(JournalRow)
            .where(col(JournalRow.kind) == JournalKind.INTENDED.value)
            .where(col(JournalRow.enforced))
            .where(~has_outcome)
            .order_by(col(JournalRow.id))
        )
        with self._database.read() as session:
            return [entry_of(row) for row in session.scalars(query)]


def append_entry(session: Session, entry: JournalEntry) -> JournalEntry:
    """Keep an entry inside a running transaction; see `Journal.append`."""
    if not entry.request_id:
        raise ValueError("a journal entry needs a request id")
    same = select(JournalRow).where(
        col(JournalRow.request_id) == entry.request_id, col(JournalRow.kind) == JournalKind(entry.kind).value
    )
    row = session.scalars(same).one_or_none()
    if row is None:
        row = journal_row(entry)
        session.add(row)
        session.flush()
    return entry_of(row)
