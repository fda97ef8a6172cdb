"""What operators and callers see of usage: commands, /v1/usage, and a ledger that is not there."""

import csv
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.__main__ import main
from gateway.domain.usage.journal import NEWLINE, Ended, encode
from tests.fakes.usage_records import a_record
from tests.servers.gateway_fleet import Broker, GatewayFleet, GatewayReplica
from tests.servers.postgres_server import PostgresServer
from tests.servers.process import ROOT, clean_environment
from tests.servers.quiet_ports import quiet_ports
from tests.servers.simulator import Simulator
from tests.servers.usage_rows import usage_rows

pytestmark = pytest.mark.slow

SECONDS = 15.0
SEATS = {"seat-1": "ghu_simulated_octocat"}
CANARY = "canary-password-8f3a"
JOURNAL_BYTES = 1024 * 1024
"""The least there may be."""
BY = ("--by", "key,model")


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def broker(upstream: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker"), upstream.base_url, SEATS) as made:
        yield made


def run(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments, "--config", str(file)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


@dataclass(frozen=True)
class Said:
    """What a command has said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


class Here:
    """Commands in this process: a process of its own costs each of them a second."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def run(self, file: Path, *arguments: str) -> Said:
        self._capture.readouterr()
        returncode = main([*arguments, "--config", str(file)])
        return Said(returncode, *self._capture.readouterr())


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Here:
    return Here(capsys)


def ask(url: str, key: str, model: str = "gpt-4o-mini", **more: Any) -> httpx.Response:
    return httpx.post(
        f"{url}/v1/chat/completions",
        headers={"x-api-key": key},
        json={"model": model, "messages": [{"role": "user", "content": "hello"}], **more},
        trust_env=False,
        timeout=30,
    )


def usage_of(url: str, key: str) -> httpx.Response:
    headers = {"x-api-key": key}
    return httpx.get(f"{url}/v1/usage", headers=headers, trust_env=False, timeout=30)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def document(**usage: Any) -> str:
    """gateway.yaml for a command that serves nobody."""
    group = {"id": "team", "accounts": [{"id": "seat-1"}]}
    return json.dumps({"groups": [group], "keys": [], "usage": usage})


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


def rows_in(text: str) -> list[Mapping[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# --- what was used --------------------------------------------------------------------------------


def test_what_was_used_is_the_same_for_callers_for_the_payer_and_upstream(
    upstream: Simulator, broker: Broker, tmp_path: Path, here: Here
) -> None:
    upstream.clear_ledger()
    with GatewayFleet(tmp_path, broker, keys=2) as fleet:
        (first, second), file = fleet.keys.values(), fleet.replicas[0].file
        for key, model, stream in (
            (first, "gpt-4o-mini", False),
            (first, "gpt-4o-mini", True),
            (first, "claude-sonnet-4.6", False),
            (second, "gpt-5-mini", True),
        ):
            assert ask(fleet.url, key, model, stream=stream).status_code == 200
        assert ask(fleet.url, second, "gpt-none").status_code == 404
        charged = sum(seen.nano_aiu for seen in upstream.ledger())
        assert charged > 0

        mine, theirs = usage_of(fleet.url, first).json(), usage_of(fleet.url, second).json()
        assert (mine["total"]["requests"], theirs["total"]["requests"]) == (3, 2)
        assert [each["model"] for each in mine["by_model"]] == ["claude-sonnet-4.6", "gpt-4o-mini"]
        credits = mine["total"]["credits"] + theirs["total"]["credits"]
        assert round(credits * 1e9) == charged

        while_it_runs = run(file, "usage", *BY, "--from", "2026-01-01", "--format", "csv")
        assert (while_it_runs.returncode, while_it_runs.stderr) == (0, "")
        rows = {(row["key"], row["model"]): row for row in rows_in(while_it_runs.stdout)}
        assert list(rows) == [
            ("key-0", "claude-sonnet-4.6"),
            ("key-0", "gpt-4o-mini"),
            ("key-1", "gpt-5-mini"),
            ("key-1", "gpt-none"),
        ]
        assert rows["key-0", "gpt-4o-mini"]["requests"] == "2"
        assert sum(int(row["nano_aiu"]) for row in rows.values()) == charged

        table = here.run(file, "usage", *BY, "--from", "2026-01-01", "--to", "2999-01-01T00:00:00Z")
        head, *lines = table.stdout.splitlines()
        assert head.split()[:3] == ["key", "model", "requests"]
        assert [line.split()[:3] for line in lines][-1][:2] == ["total", "5"]

        assert fleet.replicas[0].terminate() == 0
        afterwards = here.run(file, "usage", *BY, "--from", "2026-01-01", "--format", "json")
        assert afterwards.returncode == 0
        found = json.loads(afterwards.stdout)
        assert [(each["key"], each["model"]) for each in found] == list(rows)
        assert sum(each["nano_aiu"] for each in found) == charged

        before = here.run(
            file, "usage", "--from", "2020-01-01", "--to", "2020-02-01", "--format", "csv"
        )
        assert (before.returncode, len(before.stdout.splitlines())) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--by", "nothing"), "--by: there is nothing like 'nothing'"),
        (("--by", "key,,model"), "--by: needs words"),
        (("--by", "key,key"), "--by: 'key' is there twice"),
        (("--from", "yesterday"), "--from: must be a day such as"),
        (("--from", "2026-02-30"), "--from: there is no such time"),
        (("--to", "2026-11-01T12:00"), "--to: must be a day such as"),
        (("--from", "2026-11-02", "--to", "2026-11-01"), "--to: must be later than --from"),
    ],
)
def test_a_bad_argument_is_one_line_that_names_it(
    arguments: tuple[str, ...], words: str, tmp_path: Path, here: Here
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(document(database_url=f"sqlite:///{tmp_path}/u.db"))
    done = here.run(file, "usage", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert only_line(done.stderr).startswith(f"error: {words}")
    assert not (tmp_path / "u.db").exists(), "nothing was asked, so nothing is made"


def test_a_format_there_is_not_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["usage", "--format", "xml"])
    assert ended.value.code == 2
    assert "argument --format: invalid choice: 'xml'" in capsys.readouterr().err


# --- the tables -----------------------------------------------------------------------------------


def test_migrating_twice_changes_nothing_the_second_time(tmp_path: Path, here: Here) -> None:
    file, url = tmp_path / "gateway.yaml", f"sqlite:///{tmp_path}/usage.db"
    file.write_text(document(database_url=url))
    once, twice = here.run(file, "migrate"), here.run(file, "migrate")
    assert (once.returncode, once.stderr) == (twice.returncode, twice.stderr) == (0, "")
    assert once.stdout.splitlines() == [
        "the usage ledger's schema was brought up to date",
        "old records removed: 0",
    ]
    assert twice.stdout.splitlines()[0] == "the usage ledger's schema is up to date"
    assert usage_rows(url) == []


def test_a_ledger_that_no_gateway_has_used_yet_is_empty(tmp_path: Path, here: Here) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(document(database_url=f"sqlite:///{tmp_path}/usage.db"))
    done = here.run(file, "usage", "--format", "json")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [], "")


def test_a_ledger_that_is_not_there_is_one_line_without_its_password(
    tmp_path: Path, here: Here
) -> None:
    file, (port,) = tmp_path / "gateway.yaml", quiet_ports(1)
    file.write_text(document(database_url=f"sqlite:///{tmp_path}/nowhere/usage.db"))
    said: list[Said | subprocess.CompletedProcess[str]] = [
        here.run(file, "usage"),
        here.run(file, "migrate"),
    ]
    server = f"postgresql://gateway:{CANARY}@127.0.0.1:{port}/usage"
    file.write_text(document(database_url=server))
    said += [here.run(file, "usage"), run(file, "migrate")]
    for done in said:
        assert (done.returncode, done.stdout) == (1, "")
        assert only_line(done.stderr).startswith("error: the usage ledger cannot be ")
        assert CANARY not in done.stderr


# --- what keeps a gateway from starting -----------------------------------------------------------


def test_a_second_gateway_on_the_same_file_is_told_what_to_do(
    broker: Broker, tmp_path: Path
) -> None:
    usage = {"usage": {"database_url": f"sqlite:///{tmp_path}/usage.db"}}
    with GatewayFleet(tmp_path, broker, settings=usage) as fleet:
        second = GatewayReplica(tmp_path, fleet.document)
        done = run(second.file)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1] == (
            "error: usage.database_url: another gateway uses usage.db; a SQLite file is for one "
            "gateway. For more of them set usage.database_url to postgresql://… and store.url to "
            "a shared store"
        )
        assert "Traceback" not in done.stderr
        assert ask(fleet.url, fleet.key).status_code == 200
        assert fleet.replicas[0].terminate() == 0
        second.start()
        second.stop()


def test_a_journal_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = tmp_path / "gateway.yaml"
    database_url = f"sqlite:///{tmp_path}/usage.db"
    file.write_text(document(database_url=database_url, journal_dir=f"{tmp_path}/file/journal"))
    done = run(file)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: usage.journal_dir: cannot be written: ")
    assert "Not a directory" in last
    assert "Traceback" not in done.stderr


def test_check_names_each_problem_of_the_section_and_no_password(
    tmp_path: Path, here: Here
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        document(
            database_url=f"mysql://gateway:{CANARY}@db/usage",
            database_password_file=f"{tmp_path}/none",
            journal_bytes=1000,
            retention_days=0,
            on_full="wait",
            journal="./journal",
        )
    )
    done = here.run(file, "--check")
    assert (done.returncode, done.stdout) == (2, "")
    for where in (
        "usage.database_url: must begin with sqlite:/// or postgresql://",
        "usage.database_password_file: ",
        "usage.journal_bytes: ",
        "usage.retention_days: ",
        "usage.on_full: ",
        "usage.journal: no such setting",
    ):
        assert f"  - {where}" in done.stderr
    assert CANARY not in done.stderr


# --- a ledger that goes and comes back ------------------------------------------------------------


def almost_full(directory: Path, room_bytes: int) -> int:
    """What a life that is over has left: all of the journal but a bit; how many records."""
    directory.mkdir()
    lines: list[bytes] = []
    size = 0
    while size < JOURNAL_BYTES - room_bytes:
        lines.append(encode(Ended(a_record(f"left-{directory.name}-{len(lines)}"))) + NEWLINE)
        size += len(lines[-1])
    (directory / "0123456789abcdef-00000001.jsonl").write_bytes(b"".join(lines))
    return len(lines)


def test_a_full_journal_refuses_or_drops_until_the_database_is_back(
    broker: Broker, tmp_path: Path
) -> None:
    with PostgresServer() as database:
        url = database.create_database().replace("postgres@", f"postgres:{CANARY}@")
        database.stop()
        usage = {"database_url": url, "journal_bytes": JOURNAL_BYTES, "on_full": "refuse"}
        fleet = GatewayFleet(tmp_path, broker, settings={"usage": usage})
        refusing = fleet.replicas[0]
        dropping = fleet.new_replica({**fleet.document, "usage": {**usage, "on_full": "drop"}})
        left = [almost_full(tmp_path / f"journal-{each.port}", 3000) for each in fleet.replicas]
        with fleet:
            statuses = [ask(refusing.url, fleet.key).status_code for _ in range(8)]
            served = statuses.index(503)
            assert served > 0
            assert set(statuses[:served]) == {200}
            assert set(statuses[served:]) == {503}, "once it is full, it stays so"
            refused = ask(refusing.url, fleet.key)
            assert refused.headers["x-gateway-error"] == "gateway_journal_full"
            assert float(refused.headers["retry-after"]) > 0
            assert refusing.metric("gateway_usage_journal_bytes") >= JOURNAL_BYTES
            assert refusing.metric("gateway_ledger_up") == 0
            assert usage_of(refusing.url, fleet.key).headers["x-gateway-error"] == "gateway_ledger"

            assert {ask(dropping.url, fleet.key).status_code for _ in range(8)} == {200}
            dropped = dropping.metric("gateway_usage_records_dropped_total")
            assert 0 < dropped < 8

            database.start()
            until(lambda: ask(refusing.url, fleet.key).status_code == 200, "no service again")
            until(lambda: fleet.metric("gateway_usage_journal_pending") == 0, "not shipped")
            until(lambda: fleet.metric("gateway_usage_journal_bytes") < 10_000, "files stay")
            assert ask(dropping.url, fleet.key).status_code == 200
            outcomes = [each.metric("gateway_ledger_up") for each in fleet.replicas]
            assert outcomes == [1, 1]
            for replica in fleet.replicas:
                assert replica.terminate() == 0
            assert len(usage_rows(url)) == sum(left) + served + 1 + (8 - dropped) + 1
            said = [each.output() for each in fleet.replicas]
            said += [*map(GatewayReplica.checked, fleet.replicas)]
        assert all("postgresql://postgres@127.0.0.1" in text for text in said[2:])
        assert all("usage ledger down" in text for text in said[:2])
        assert not any(CANARY in text for text in said)


def test_a_changed_ledger_is_for_the_next_start_and_until_then_the_old_one_is_used(
    broker: Broker, tmp_path: Path
) -> None:
    old, new = f"sqlite:///{tmp_path}/old.db", f"sqlite:///{tmp_path}/new.db"
    with GatewayFleet(tmp_path, broker, settings={"usage": {"database_url": old}}) as fleet:
        gateway = fleet.replicas[0]
        assert ask(fleet.url, fleet.key).status_code == 200
        fleet.document["usage"] = {"database_url": new}
        fleet.reconfigure()
        gateway.signal(signal.SIGHUP)
        until(lambda: "only a restart takes it over" in gateway.output(), "not read again")
        assert ask(fleet.url, fleet.key).status_code == 200
        assert usage_of(fleet.url, fleet.key).json()["total"]["requests"] == 2
        assert gateway.terminate() == 0
        assert len(usage_rows(old)) == 2
        assert not (tmp_path / "new.db").exists()
        gateway.start()
        assert ask(fleet.url, fleet.key).status_code == 200
        assert gateway.terminate() == 0
        assert len(usage_rows(new)) == 1
