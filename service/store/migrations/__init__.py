"""Alembic's scripts, shipped with the package and run by `service.store.schema`."""
