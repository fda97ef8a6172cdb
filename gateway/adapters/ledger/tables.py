"""The table of usage records as this version knows it.

Whoever inserts names the columns, so that a column a newer version has added does not disturb.
How the table comes to be, and to change, is said in migrations/versions alone.
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
