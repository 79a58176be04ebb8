"""The script that alembic runs, on the connection and in the transaction that `migrate.upgrade_to_newest` opened."""

from alembic import context

from dataops_lab.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
