"""The table of usage records, as the first version has it."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXTS = (
    *("key_id", "group_id", "endpoint", "outcome", "caller_request_id", "served_group_id"),
    *("account_id", "platform", "requested_model", "served_model", "initiator", "initiator_rule"),
)
COUNTS = (
    *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"),
)


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "usage_records",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in TEXTS),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("fault", sa.Text, nullable=False),
        sa.Column("is_partial", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
        sa.Column("nano_aiu", sa.BigInteger),
        sa.Column("credits_source", sa.Text, nullable=False),
        sa.Column("premium_multiplier", sa.Double),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_byte_seconds", sa.Double),
        sa.Column("duration_seconds", sa.Double, nullable=False),
    )
    for columns in (["key_id", "time"], ["group_id", "time"], ["time"]):
        op.create_index(f"usage_records_{'_'.join(columns)}", "usage_records", columns)
