"""The tables of usage records and of callers' keys as this version knows them.

Whoever inserts names the columns, so that a column a newer version has added does not disturb.
How the tables come to be, and to change, is said in migrations/versions alone.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

usage_records = Table(
    "usage_records",
    metadata,
    # The fields of UsageRecord, by their names.
    Column("request_id", Text, primary_key=True),
    # In UTC. SQLite keeps it as text that sorts as the time does, without an offset.
    Column("time", DateTime(timezone=True), nullable=False),
    Column("key_id", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("caller_request_id", Text, nullable=False),
    Column("served_group_id", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("requested_model", Text, nullable=False),
    Column("served_model", Text, nullable=False),
    Column("initiator", Text, nullable=False),
    Column("initiator_rule", Text, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("status", Integer, nullable=False),
    Column("fault", Text, nullable=False),
    Column("is_partial", Boolean, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("nano_aiu", BigInteger),
    Column("credits_source", Text, nullable=False),
    Column("premium_multiplier", Double),
    Column("attempts", Integer, nullable=False),
    Column("first_byte_seconds", Double),
    Column("duration_seconds", Double, nullable=False),
    Index("usage_records_key_id_time", "key_id", "time"),
    Index("usage_records_group_id_time", "group_id", "time"),
    Index("usage_records_time", "time"),
)

api_keys = Table(
    "api_keys",
    metadata,
    # SHA-256 in lower-case hex; the key itself is nowhere.
    Column("sha256", Text, primary_key=True),
    # Of several keys while one replaces the other.
    Column("id", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("account_id", Text),
    Column("owner", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("revoked_by", Text, nullable=False),
    Column("max_concurrency", BigInteger),
    Column("max_waiting", BigInteger, nullable=False),
    Column("may_mark_agent", Boolean, nullable=False),
    Column("requests_per_minute", BigInteger),
    Column("tokens_per_minute", BigInteger),
    # NULL: no budget.
    Column("budget_period", Text),
    Column("budget_requests", BigInteger),
    Column("budget_tokens", BigInteger),
    Column("budget_nano_aiu", BigInteger),
    Column("budget_shadow", Boolean, nullable=False),
    Column("budget_refuses_unknown", Boolean, nullable=False),
    # What key_changes said when this row was last changed.
    Column("change_number", BigInteger, nullable=False),
    Index("api_keys_id", "id"),
    Index("api_keys_change_number", "change_number", unique=True),
)

key_changes = Table(
    "key_changes",
    metadata,
    # One row, 1. Whoever changes keys changes it first and so waits for who does the same:
    # numbers become visible in their order.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)
