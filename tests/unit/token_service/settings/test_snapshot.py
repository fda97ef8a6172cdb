"""One reading of the configuration: what it comes to, and what a running service takes over."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.configuration import ConfigurationError, load
from tests.fakes.app_key import app_key
from tests.fakes.service_events import FakeServiceEvents
from token_service.domain.callers import Presented
from token_service.domain.credentials import Choice, Installation
from token_service.domain.errors import CallerUnauthenticated
from token_service.domain.tokens import AccountChanges, AccountId
from token_service.settings.document import Settings
from token_service.settings.reading import Configuration
from token_service.settings.snapshot import (
    Snapshot,
    files_of,
    read_snapshot,
    restart_needed,
    snapshot_of,
)


def write(directory: Path, **content: Any) -> Path:
    file = directory / "token-service.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def seat(directory: Path, name: str, credential: str = "ghu_test") -> dict[str, Any]:
    (directory / name).write_text(credential + "\n")
    return {"id": name, "github_token_file": str(directory / name)}


def read(directory: Path, **content: Any) -> Snapshot:
    return snapshot_of(load(Settings, write(directory, **content)))


def test_an_account_is_bound_to_its_credential(tmp_path: Path) -> None:
    """Another credential under the same name is another account to the store."""
    first = read(tmp_path, accounts=[seat(tmp_path, "a", "ghu_one")])
    same = read(tmp_path, accounts=[seat(tmp_path, "a", "ghu_one")])
    other = read(tmp_path, accounts=[seat(tmp_path, "a", "ghu_two")])

    assert first.accounts == same.accounts
    assert first.accounts != other.accounts
    assert other.credentials == {"a": "ghu_two"}
    assert "ghu_" not in repr(first)


def test_an_app_becomes_an_installation(tmp_path: Path) -> None:
    key = app_key().written(tmp_path)
    app = {"app_id": 7, "installation_id": 8, "private_key_file": str(key), "repository_ids": [9]}
    account = {"id": "a", "strategy": "github_app", "github_app": app}
    snapshot = read(tmp_path, accounts=[account])
    moved = read(tmp_path, accounts=[{**account, "github_app": {**app, "installation_id": 10}}])

    assert snapshot.accounts[0].installation == Installation("7", 8, (9,), {})
    assert snapshot.accounts[0].choice is Choice.GITHUB_APP
    assert snapshot.credentials[AccountId("a")].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert snapshot.accounts[0].credential_digest != moved.accounts[0].credential_digest
    assert list(files_of(snapshot)) == [key]


def test_a_file_that_goes_while_it_is_read_is_a_problem(tmp_path: Path) -> None:
    settings = load(Settings, write(tmp_path, accounts=[seat(tmp_path, "a"), seat(tmp_path, "b")]))
    (tmp_path / "b").unlink()
    with pytest.raises(ConfigurationError, match=r"accounts\[1\]: .*/b: no such file"):
        snapshot_of(settings)


CHANGES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"log": {"level": "debug"}}, ["log.level"]),
    (
        {"listen": {"ops": "127.0.0.1:1", "grpc": "127.0.0.1:2"}},
        ["listen.grpc", "listen.ops"],
    ),
    ({"client_identity": {"user_agent": "secret/1"}}, ["client_identity.user_agent"]),
    ({"auth": {"callers": []}}, []),
]


@pytest.mark.parametrize(("changed", "named"), CHANGES)
def test_what_needs_a_restart_is_named(
    tmp_path: Path, changed: dict[str, Any], named: list[str]
) -> None:
    """By its path and without its value."""
    before = read(tmp_path, accounts=[seat(tmp_path, "a")])
    after = read(tmp_path, accounts=[seat(tmp_path, "b"), seat(tmp_path, "c")], **changed)

    assert restart_needed(before.settings, after.settings) == named


def test_accounts_go_on_with_the_github_that_the_service_started_with(tmp_path: Path) -> None:
    """Half of a change would send new accounts' credentials where the old ones never went."""
    before = read(tmp_path, accounts=[seat(tmp_path, "a")])
    github = {"api_url": "http://127.0.0.1:1"}
    file = write(tmp_path, accounts=[seat(tmp_path, "b")], github=github)
    after = read_snapshot(file, before.settings)

    assert after.accounts[0].site.api_url == "https://api.github.com"
    assert restart_needed(before.settings, after.settings) == ["github.api_url"]


def caller(digit: str) -> dict[str, Any]:
    return {"id": f"caller-{digit}", "token_sha256": digit * 64, "accounts": ["*"]}


def test_callers_are_replaced_while_their_mode_stays(tmp_path: Path) -> None:
    """Callers of another mode would only lock out those of the mode that runs."""
    accounts = [seat(tmp_path, "a")]
    first = {"mode": "tokens", "callers": [caller("1")]}
    before = read(tmp_path, accounts=accounts, auth=first)
    file = write(tmp_path, accounts=accounts, auth={"mode": "tokens", "callers": [caller("2")]})
    replaced = read_snapshot(file, before.settings)
    file = write(tmp_path, accounts=accounts)
    kept = read_snapshot(file, before.settings)

    assert replaced.directory != before.directory
    assert kept.directory == before.directory
    assert restart_needed(before.settings, kept.settings) == ["auth.mode"]
    with pytest.raises(CallerUnauthenticated):
        replaced.directory.by_token(Presented(bearer="unknown"))


def configuration(file: Path, taken: list[Snapshot]) -> tuple[Configuration, FakeServiceEvents]:
    events = FakeServiceEvents()
    started_with = snapshot_of(load(Settings, file))
    return Configuration(file, started_with, taken.append, events), events


def test_a_new_reading_is_taken_over_and_reported(tmp_path: Path) -> None:
    a, b, c = (seat(tmp_path, name) for name in "abc")
    file = write(tmp_path, accounts=[a, b])
    taken: list[Snapshot] = []
    made, events = configuration(file, taken)
    write(tmp_path, accounts=[c, seat(tmp_path, "b", "ghu_new")], log={"level": "debug"})
    snapshot = made.read()
    made.apply(snapshot)

    assert taken == [snapshot]
    assert events.reloads == [
        AccountChanges((AccountId("c"),), (AccountId("a"),), (AccountId("b"),))
    ]
    assert events.restarts == [("log.level",)]
    assert list(made.files(snapshot)) == [file, tmp_path / "c", tmp_path / "b"]


def test_each_reading_is_compared_with_the_one_in_force(tmp_path: Path) -> None:
    """But what needs a restart is compared with the start, until there is one."""
    file = write(tmp_path, accounts=[seat(tmp_path, "a")])
    made, events = configuration(file, [])
    write(tmp_path, accounts=[seat(tmp_path, "b")], log={"level": "debug"})
    for _ in range(2):
        made.apply(made.read())

    assert events.reloads[1] == AccountChanges()
    assert events.restarts == [("log.level",), ("log.level",)]


def test_a_bad_reading_names_every_problem_and_no_value(tmp_path: Path) -> None:
    file = write(tmp_path, accounts=[seat(tmp_path, "a")])
    taken: list[Snapshot] = []
    made, events = configuration(file, taken)
    accounts = [{"id": "b", "github_token": "ghu_secret one"}, {"id": "c"}]
    write(tmp_path, accounts=accounts, lisen={})
    with pytest.raises(ConfigurationError) as raised:
        made.read()
    made.refused(raised.value.problems)

    assert len(events.problems[0]) == 3
    assert "ghu_secret" not in str(events.problems)
    assert taken == []
