"""Roll-ups and incidents. Facts recorded before are rolled up; of incidents and watched time they tell nothing."""

import sqlalchemy as sa
from alembic import op
from sqlmodel import Session

from service.decision.policy import Policy
from service.store.rollups import add_sums
from service.store.rows import fact_of
from service.store.tables import FactRow, UnfinishedRow
from service.store.utc import UTCDateTime
from service.tabulation import Pace, Unfinished, pace_of, tabulate

revision = "0002"
down_revision = "0001"

_PAGE_ROWS = 5000


def upgrade() -> None:
    """Make the tables and fill the roll-ups."""
    op.create_table(
        "rollup",
        sa.Column("hours", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hours", "block", "provider", "other", "receiver"),
    )
    op.create_table(
        "unfinished",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rounds", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("began_at", UTCDateTime(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recovering_since", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incident_ended_at", "incident", ["ended_at"], unique=False)
    with Session(op.get_bind()) as session:
        _roll_up(session)


def _roll_up(session: Session) -> None:
    """Fill the roll-ups from the facts that there are."""
    # Without incidents the watched time would make every provider seem available all along.
    pace = Pace(round_seconds=pace_of(Policy(providers=(), seeds=())).round_seconds, watch_seconds=0.0)
    unfinished, after = Unfinished(), 0
    query = sa.select(FactRow).order_by(sa.text("seq")).limit(_PAGE_ROWS)
    while rows := session.scalars(query.where(sa.text("seq > :after")).params(after=after)).all():
        add_sums(session, tabulate([fact_of(row) for row in rows], unfinished, pace))
        after = rows[-1].seq
        session.expunge_all()
    if after:
        session.add(UnfinishedRow(rounds=unfinished.to_json()))
    session.flush()
