"""The table of callers' keys, and the number of its last change.

Nothing that version 0001 uses is touched: it does not know of either table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

LIMITS = (
    *("max_concurrency", "requests_per_minute", "tokens_per_minute"),
    *("budget_requests", "budget_tokens", "budget_nano_aiu"),
)


def upgrade() -> None:
    """Make both, and the one row of the second."""
    op.create_table(
        "api_keys",
        sa.Column("sha256", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("id", "group_id", "owner")),
        sa.Column("account_id", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_by", sa.Text, nullable=False),
        sa.Column("max_waiting", sa.BigInteger, nullable=False),
        sa.Column("may_mark_agent", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in LIMITS),
        sa.Column("budget_period", sa.Text),
        sa.Column("budget_shadow", sa.Boolean, nullable=False),
        sa.Column("budget_refuses_unknown", sa.Boolean, nullable=False),
        sa.Column("change_number", sa.BigInteger, nullable=False),
    )
    op.create_index("api_keys_id", "api_keys", ["id"])
    op.create_index("api_keys_change_number", "api_keys", ["change_number"], unique=True)
    changes = op.create_table(
        "key_changes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(changes, [{"id": 1, "number": 0}])
