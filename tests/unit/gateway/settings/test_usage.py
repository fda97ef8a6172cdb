"""The section `usage`: which ledgers there may be, and that no password is shown."""

from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.ledger import url as urls
from gateway.review import summary
from gateway.settings.usage import Usage
from tests.unit.gateway.settings.documents import problems, read

CANARY = "canary-9d1b"


def secret(directory: Path, text: str = CANARY) -> str:
    file = directory / "database-password"
    file.write_text(text)
    return str(file)


def of(directory: Path, **fields: Any) -> Usage:
    return read(directory, usage=fields).usage


def test_without_the_section_one_gateway_has_a_file_of_its_own(tmp_path: Path) -> None:
    usage = read(tmp_path).usage
    assert (usage.database_url, usage.journal_dir) == ("sqlite:///usage.db", Path("./journal"))
    assert (usage.journal_bytes, usage.retention_days) == (2**30, 400)
    assert (usage.on_full, usage.database_password_file) == ("refuse", None)
    assert usage.is_one_file


@pytest.mark.parametrize(
    ("url", "is_one_file"),
    [
        ("sqlite:///usage.db", True),
        ("sqlite:////var/lib/gateway/usage.db", True),
        ("postgresql://db.example/usage", False),
        ("postgresql://gateway@db.example:5433/usage", False),
        ("postgresql://gateway:secret@[::1]:5433/usage", False),
        ("postgresql://gateway:p%40%2F%3A@db.example/usage", False),
        ("postgresql:///usage?host=/run/postgresql", False),
        ("postgresql://db.example/usage?sslmode=verify-full", False),
    ],
)
def test_what_is_accepted_the_ledger_takes_too(tmp_path: Path, url: str, is_one_file: bool) -> None:
    usage = of(tmp_path, database_url=url)
    assert usage.is_one_file is is_one_file
    assert (urls.sqlite_file(urls.read(usage.database_url)) is not None) is is_one_file


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must begin with"),
        (CANARY, "must begin with"),
        ("usage.db", "must begin with"),
        (f"mysql://u:{CANARY}@db/usage", "must begin with"),
        (f"postgres://u:{CANARY}@db/usage", "must begin with"),
        (f"POSTGRESQL://u:{CANARY}@db/usage", "must begin with"),
        (f"postgresql+asyncpg://u:{CANARY}@db/usage", "must begin with"),
        (f"postgresql:/{CANARY}", "must begin with"),
        ("sqlite://", "must name a file"),
        ("sqlite:///", "must name a file"),
        ("sqlite:////", "must name a file"),
        (f"sqlite://{CANARY}/usage.db", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        (f"postgresql://u:{CANARY}@db", "must name a database"),
        (f"postgresql://u:{CANARY}@db/", "must name a database"),
        (f"postgresql://u:{CANARY}@db:port/usage", "host or port"),
        (f"postgresql://u:{CANARY}@db:99999/usage", "host or port"),
        (f"postgresql://u:{CANARY}@db:0/usage", "port 0"),
        (f"postgresql://u:{CANARY}@[::1/usage", "host or port"),
        (f"postgresql://u:12/{CANARY}@db/usage", "%XX"),
        (f"postgresql://u:1@{CANARY}@db/usage", "%XX"),
    ],
)
def test_any_other_url_is_refused_without_being_quoted(
    tmp_path: Path, url: str, problem: str
) -> None:
    (said,) = problems(tmp_path, usage={"database_url": url})
    assert said.startswith("usage.database_url: ")
    assert problem in said
    assert CANARY not in said


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"journal_bytes": 2**20 - 1}, "usage.journal_bytes"),
        ({"journal_bytes": "much"}, "usage.journal_bytes"),
        ({"retention_days": 0}, "usage.retention_days"),
        ({"retention_days": 1.5}, "usage.retention_days"),
        ({"on_full": "wait"}, "usage.on_full"),
        ({"journal_dir": None}, "usage.journal_dir"),
        ({"journal": "./journal"}, "usage.journal: no such setting; did you mean"),
        ({"database_password_file": "/nowhere/password"}, "usage.database_password_file"),
    ],
)
def test_every_other_value_has_its_bounds(
    tmp_path: Path, fields: dict[str, Any], where: str
) -> None:
    (said,) = problems(tmp_path, usage=fields)
    assert said.startswith(where)


def test_every_problem_is_said_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path, usage={"database_url": "x", "journal_bytes": 1, "on_full": "?", "more": 1}
    )
    assert len(found) == 4


def test_a_password_in_a_file_goes_with_postgresql_alone(tmp_path: Path) -> None:
    file, url = secret(tmp_path), "postgresql://gateway@db/usage"
    usage = of(tmp_path, database_url=url, database_password_file=file)
    assert usage.database_password_file == Path(file)
    (of_sqlite,) = problems(tmp_path, usage={"database_password_file": file})
    assert "SQLite has no password" in of_sqlite
    (twice,) = problems(
        tmp_path,
        usage={
            "database_url": f"postgresql://u:{CANARY}@db/usage",
            "database_password_file": file,
        },
    )
    assert "leave one out" in twice
    assert CANARY not in twice


def test_an_empty_password_file_is_refused(tmp_path: Path) -> None:
    file = secret(tmp_path, "\n")
    url = "postgresql://gateway@db/usage"
    (said,) = problems(tmp_path, usage={"database_url": url, "database_password_file": file})
    assert said.startswith("usage.database_password_file: ")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/lib/usage.db", "sqlite:////var/lib/usage.db"),
        ("postgresql://db/usage", "postgresql://db/usage"),
        ("postgresql://gateway@db:5433/usage", "postgresql://gateway@db:5433/usage"),
        (f"postgresql://gateway:{CANARY}@db:5433/usage", "postgresql://gateway@db:5433/usage"),
        (f"postgresql://:{CANARY}@db/usage", "postgresql://db/usage"),
        (f"postgresql://u:{CANARY}@[::1]:5433/usage", "postgresql://u@[::1]:5433/usage"),
        (f"postgresql://db/usage?user=u&password={CANARY}", "postgresql://db/usage"),
        (f"postgresql://db/usage#{CANARY}", "postgresql://db/usage"),
    ],
)
def test_what_is_shown_of_the_url_has_no_password(tmp_path: Path, url: str, shown: str) -> None:
    settings = read(tmp_path, usage={"database_url": url})
    assert settings.usage.shown_url == shown
    for text in (repr(settings), str(settings.usage), *summary(settings)):
        assert CANARY not in text
    assert any(shown in line for line in summary(settings))
