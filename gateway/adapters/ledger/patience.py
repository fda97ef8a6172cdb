"""How long a connection to PostgreSQL may keep a thread: nothing of it waits for ever.

The network's end is noticed by the kernel, a statement's time is counted by the server. What is
left is a server that hangs while its kernel answers for it: that is counted here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 10
SILENT_SECONDS = 5
"""Beyond what a statement may take by the server's own count."""
UPGRADE_SECONDS = 300
"""For one statement of a change of the schema."""
CLIENT = {
    "connect_timeout": CONNECT_SECONDS,
    # A network that is gone ends a connection in 20 s: while something was sent, and while not.
    "tcp_user_timeout": 20_000,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "fallback_application_name": "copilot-gateway",
}
SERVER = {
    "statement_timeout": STATEMENT_SECONDS * 1000,
    # Else a gateway whose host has gone would keep its locks for hours.
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 2,
}


def arguments_of(url: URL) -> dict[str, Any]:
    """What a connection is opened with; what the URL says itself counts."""
    ours = {name: value for name, value in CLIENT.items() if name not in url.query}
    options = [f"-c {name}={value}" for name, value in SERVER.items()]
    said = url.query.get("options", "")
    return {**ours, "options": " ".join((*options, *([said] if isinstance(said, str) else said)))}


@contextmanager
def long_statements(connection: Connection, seconds: int, lock_seconds: int) -> Iterator[None]:
    """Within the transaction that is open, a statement may take longer; a lock it waits for not.

    Whoever else uses the table waits behind one that waits for a lock.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    own: Any = connection.connection.driver_connection
    own.longest_wait = seconds + SILENT_SECONDS
    try:
        connection.execute(text(f"SET LOCAL statement_timeout = '{seconds}s'"))
        connection.execute(text(f"SET LOCAL lock_timeout = '{lock_seconds}s'"))
        yield
    finally:
        del own.longest_wait
