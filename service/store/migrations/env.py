"""Alembic runs this module to learn where and how to migrate; the connection comes from `service.store.schema`."""

from alembic import context
from sqlmodel import SQLModel

from service.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata if tables else None,
    render_as_batch=True,  # SQLite cannot alter most of a table in place
    transactional_ddl=True,  # we begin the transaction ourselves, so SQLite takes schema changes back as well
)
with context.begin_transaction():
    context.run_migrations()
