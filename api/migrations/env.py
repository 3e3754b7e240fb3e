"""Run by Alembic with a connection that is inside a transaction already; who opened it commits."""

from alembic import context

from api.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
