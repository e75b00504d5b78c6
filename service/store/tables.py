"""The tables. Rows stay inside this package: `table=True` models do not validate, dataclasses cross the edge.

Without postponed annotations, which SQLModel cannot resolve when it maps relationships.
"""

from datetime import datetime

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from service.store.utc import UTCDateTime


class FactRow(SQLModel, table=True):
    """One fact, appended; `kind` is "observation" or a notice's kind."""

    __tablename__ = "fact"
    __table_args__ = (Index("ix_fact_at", "at"),)

    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UTCDateTime)
    kind: str
    provider: str | None = None
    signal: str | None = None
    source: str | None = None
    outcome: str | None = None
    receiver: str | None = None
    seed: str | None = None
    round: str | None = None
    confirmation: bool = False
    value_number: float | None = None
    value_text: str | None = None
    category: str | None = None
    stage: str | None = None
    temporary: bool | None = None
    rule: str | None = None
    text: str | None = Field(default=None, sa_type=Text)
    count: int = 1
    detail: str | None = Field(default=None, sa_type=Text)  # JSON object: of a notice, or {"signed": …} of a probe


class SnapshotRow(SQLModel, table=True):
    """The one folded state, replaced with each record; `id` is always 1."""

    __tablename__ = "snapshot"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    policy_hash: str
    seq: int
    state: str = Field(sa_type=Text)
    saved_at: datetime = Field(sa_type=UTCDateTime)


class JournalRow(SQLModel, table=True):
    """One step of one switchover, appended."""

    __tablename__ = "journal"
    __table_args__ = (
        UniqueConstraint("request_id", "kind", name="uq_journal_request_id_kind"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    request_id: str
    at: datetime = Field(sa_type=UTCDateTime)
    kind: str
    trigger: str
    actor: str
    reason: str = Field(sa_type=Text)
    rule: str | None = None
    from_route: str | None = Field(default=None, sa_type=Text)  # JSON list of providers
    to_route: str | None = Field(default=None, sa_type=Text)
    enforced: bool
    detail: str = Field(sa_type=Text)
    generation: int | None = None
    receiver: str | None = None


class PositionRow(SQLModel, table=True):
    """How far a named reader has come, such as in a log file."""

    __tablename__ = "position"

    name: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)


class RollupRow(SQLModel, table=True):
    """Sums over one block of so many whole hours, of one provider or (with `other`) of a pair."""

    __tablename__ = "rollup"

    hours: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    block: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})  # hours since 1970 / `hours`
    provider: str = Field(primary_key=True)
    other: str = Field(primary_key=True)  # empty: the provider alone
    receiver: str = Field(primary_key=True)  # empty: none was involved
    counts: str = Field(sa_type=Text)  # JSON object: name → count


class UnfinishedRow(SQLModel, table=True):
    """Rounds that are not over and so not in the sums yet; `id` is always 1."""

    __tablename__ = "unfinished"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    rounds: str = Field(sa_type=Text)


class IncidentRow(SQLModel, table=True):
    """One time in which a provider was held degraded at one receiver ("*": all)."""

    __tablename__ = "incident"
    __table_args__ = (Index("ix_incident_ended_at", "ended_at"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    provider: str
    receiver: str
    began_at: datetime = Field(sa_type=UTCDateTime)
    severity: str
    reason: str = Field(sa_type=Text)
    recovering_since: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # none: it goes on
