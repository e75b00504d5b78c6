"""Whose mail a journal entry speaks of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; entries from before say nothing of it."""
    op.add_column("journal", sa.Column("receiver", sa.String(), nullable=True))
