"""What Alembic runs for an upgrade: the revisions, on the connection that runner.py hands over.

Executed by Alembic, imported by nobody.
"""

from alembic import context

from gateway.adapters.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite's too: engine.py begins transactions itself, before the tables are changed.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
