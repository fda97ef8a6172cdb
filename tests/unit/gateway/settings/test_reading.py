"""gateway.yaml read again: what is taken over, what is reported, what waits for a restart."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.settings.reading import Configuration
from gateway.settings.snapshot import Snapshot, snapshot_of
from runtime.configuration import ConfigurationError
from runtime.reload import Reloader
from tests.fakes.clock import FakeClock
from tests.unit.gateway.settings.documents import (
    CI_BOT,
    OTHER_SHA,
    TEAM,
    api_key,
    openai,
    read,
    write,
)


@dataclass
class Recorded:
    """Keeps what was reported."""

    changes: list[list[str]] = field(default_factory=list)
    restarts: list[list[str]] = field(default_factory=list)
    problems: list[list[str]] = field(default_factory=list)
    crashes: list[Exception] = field(default_factory=list)

    def reloaded(self, changed: Sequence[str]) -> None:
        self.changes.append(list(changed))

    def restart_needed(self, settings: Sequence[str]) -> None:
        self.restarts.append(list(settings))

    def reload_refused(self, problems: Sequence[str]) -> None:
        self.problems.append(list(problems))

    def reload_crashed(self, error: Exception) -> None:
        self.crashes.append(error)


@dataclass
class Running:
    """A gateway that was started with a document, as far as that matters here."""

    directory: Path
    configuration: Configuration
    events: Recorded
    taken: list[Snapshot]

    def reload(self, **content: Any) -> None:
        write(self.directory, **content)
        self.configuration.apply(self.configuration.read())


def running(directory: Path, **content: Any) -> Running:
    events, taken = Recorded(), list[Snapshot]()
    started_with = snapshot_of(read(directory, **content))
    file = directory / "gateway.yaml"
    made = Configuration(file, started_with, taken.append, events)
    return Running(directory, made, events, taken)


def test_groups_accounts_and_keys_are_taken_over(tmp_path: Path) -> None:
    gateway = running(tmp_path)
    group = {**TEAM, "accounts": [{"id": "seat-1", "max_concurrency": 3}, {"id": "seat-2"}]}
    keys = [CI_BOT, {**CI_BOT, "id": "new", "sha256": OTHER_SHA}]
    gateway.reload(groups=[group], keys=keys)
    (taken,) = gateway.taken
    assert taken.accounts["seat-1"].max_concurrency == 3
    assert gateway.events.changes == [["group team", "account seat-1", "account seat-2", "key new"]]
    assert gateway.events.restarts == []


@pytest.mark.parametrize(
    ("content", "changed"),
    [
        ({}, []),
        ({"keys": []}, ["group team", "key ci-bot"]),
        ({"keys": [{**CI_BOT, "sha256": OTHER_SHA}]}, ["key ci-bot"]),
        ({"groups": [{**TEAM, "models": {"allow": ["o3"]}}]}, ["group team"]),
        (
            {"groups": [{**TEAM, "id": "x"}], "keys": [{**CI_BOT, "group": "x"}]},
            ["group team", "group x", "key ci-bot"],
        ),
    ],
)
def test_what_came_went_or_differs_is_named(
    tmp_path: Path, content: dict[str, Any], changed: list[str]
) -> None:
    gateway = running(tmp_path)
    gateway.reload(**content)
    assert gateway.events.changes == [changed]


def test_an_api_key_is_replaced_by_its_file(tmp_path: Path) -> None:
    groups = [TEAM, openai(tmp_path)]
    gateway = running(tmp_path, groups=groups)
    api_key(tmp_path, text="another-secret")
    gateway.configuration.apply(gateway.configuration.read())
    assert gateway.taken[0].accounts["azure-1"].api_key == "another-secret"
    assert gateway.events.changes == [["group others", "account azure-1"]]
    assert "secret" not in str(gateway.events)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"listen": {"port": 1, "ops_port": 2}}, ["listen.ops_port", "listen.port"]),
        ({"limits": {"idle_seconds": 9}}, ["limits.idle_seconds"]),
        ({"store": {"url": "valkey://secret-host"}}, ["store.url"]),
        ({"egress": {"proxy_url": "http://proxy:1"}}, ["egress.proxy_url"]),
        ({"egress": {"private_hosts": ["a"]}}, []),
        ({"log": {"level": "debug"}}, ["log.level"]),
        ({"groups": [TEAM, {**TEAM, "id": "b"}], "keys": []}, []),
    ],
)
def test_what_needs_a_restart_is_named_without_its_value(
    tmp_path: Path, content: dict[str, Any], named: list[str]
) -> None:
    gateway = running(tmp_path)
    gateway.reload(**content)
    assert gateway.events.restarts == ([named] if named else [])
    assert len(gateway.taken) == 1


def test_each_reading_is_compared_with_the_one_in_force(tmp_path: Path) -> None:
    """But what needs a restart is compared with the start, until there is one."""
    gateway = running(tmp_path)
    for _ in range(2):
        gateway.reload(keys=[], log={"level": "debug"})
    assert gateway.events.changes == [["group team", "key ci-bot"], []]
    assert gateway.events.restarts == [["log.level"], ["log.level"]]


def test_a_bad_reading_changes_nothing(tmp_path: Path) -> None:
    gateway = running(tmp_path)
    write(tmp_path, keys=[{**CI_BOT, "group": "x", "max_waiting": -1}], lisen={})
    with pytest.raises(ConfigurationError) as caught:
        gateway.configuration.read()
    gateway.configuration.refused(caught.value.problems)
    assert [len(problems) for problems in gateway.events.problems] == [3]
    assert gateway.taken == []
    assert gateway.events.changes == []


def test_the_document_and_the_api_keys_are_watched(tmp_path: Path) -> None:
    gateway = running(tmp_path, groups=[TEAM, openai(tmp_path)])
    snapshot = gateway.configuration.read()
    files = list(gateway.configuration.files(snapshot))
    assert files == [tmp_path / "gateway.yaml", tmp_path / "api-key"]


@pytest.mark.anyio
async def test_a_request_to_read_again_takes_a_new_document_over(tmp_path: Path) -> None:
    """Through the same machinery that SIGHUP and a changed file set in motion."""
    first = snapshot_of(read(tmp_path))
    taken: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
    clock = FakeClock()
    made = Configuration(tmp_path / "gateway.yaml", first, taken.set_result, Recorded())
    reloader = Reloader(made, first, clock.now(), clock)
    write(tmp_path, keys=[])
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(reloader.run())
        reloader.ask()
        assert (await taken).keys == {}
        running.cancel()
