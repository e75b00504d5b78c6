"""${message}."""

import sqlalchemy as sa
from alembic import op

from service.store.utc import UTCDateTime

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Change the tables of the version before."""
    ${upgrades if upgrades else "pass"}
