"""Alembic's environment: runs the migrations on the connection that ``brandq.store.migrate`` opened and locked."""

from alembic import context

from brandq.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True, render_as_batch=True)
# the caller's transaction holds the advisory lock and is committed by the caller: all migrations of one call, or none
context.run_migrations()
