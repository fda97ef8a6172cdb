"""Which databases a ledger may have, and how connections are opened to them."""

from pathlib import Path

import pytest

from gateway.adapters.ledger import url as urls
from gateway.adapters.ledger.patience import arguments_of
from gateway.adapters.ledger.url import BadDatabaseUrl, sqlite_file


def test_a_relative_and_an_absolute_file() -> None:
    assert sqlite_file(urls.read("sqlite:///usage.db")) == Path("usage.db")
    assert sqlite_file(urls.read("sqlite:////var/lib/usage.db")) == Path("/var/lib/usage.db")


def test_a_server_has_no_file_and_psycopg_for_a_driver() -> None:
    url = urls.read("postgresql://gateway@db:5433/usage")

    assert sqlite_file(url) is None
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.host, url.port, url.database) == ("gateway", "db", 5433, "usage")


def test_a_password_of_its_own_stands_before_the_urls() -> None:
    assert urls.read("postgresql://u:old@db/usage", "n@w").password == "n@w"
    assert urls.read("postgresql://u:old@db/usage").password == "old"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://u:canary@db/usage",
        "postgresql+asyncpg://u:canary@db/usage",
        "postgresql://u:canary@db:port/usage",
        "postgresql://u:canary@db",
    ],
)
def test_anything_else_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=r"^must be sqlite:///FILE") as raised:
        urls.read(text)
    assert "canary" not in str(raised.value)
    assert raised.value.__context__ is None


def test_every_wait_of_a_connection_has_an_end() -> None:
    arguments = arguments_of(urls.read("postgresql://u@db/usage"))

    assert arguments["connect_timeout"] == 5
    assert arguments["tcp_user_timeout"] == 20_000
    assert arguments["keepalives"] == 1
    assert "-c statement_timeout=10000" in arguments["options"]


def test_what_the_url_says_itself_counts() -> None:
    url = urls.read(
        "postgresql://u@db/usage?connect_timeout=2&options=-c%20statement_timeout%3D100"
    )
    arguments = arguments_of(url)

    assert "connect_timeout" not in arguments
    assert arguments["options"].endswith("-c statement_timeout=100")
