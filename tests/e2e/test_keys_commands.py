"""`python -m gateway keys` on a running fleet: made, revoked, rotated, forgotten; database away."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.servers.gateway_fleet import Broker, GatewayFleet, GatewayReplica
from tests.servers.postgres_server import PostgresServer
from tests.servers.process import ROOT, clean_environment
from tests.servers.simulator import Simulator
from tests.servers.usage_rows import usage_rows

pytestmark = pytest.mark.slow
HOLDS_SECONDS = 30.0
"""Five are promised, to a machine that is not busy with other tests."""
"""Within which a change holds on every gateway."""
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    directory = tmp_path_factory.mktemp("broker")
    with (
        Simulator() as upstream,
        Broker(directory, upstream.base_url, {"seat-1": "ghu_simulated_octocat"}) as running,
    ):
        upstream.load({"chat": {"chunks": 400, "chunk_delay_seconds": 0.05}})
        yield running


@pytest.fixture
def fleet(tmp_path: Path, broker: Broker, database: str) -> Iterator[GatewayFleet]:
    """A gateway with one key in its configuration."""
    settings = {"usage": {"database_url": database}}
    with GatewayFleet(tmp_path, broker, settings=settings) as running:
        yield running


@pytest.fixture
def two(tmp_path: Path, broker: Broker, database: str) -> Iterator[GatewayFleet]:
    """Two gateways on one database."""
    settings = {"usage": {"database_url": database}}
    with GatewayFleet(tmp_path, broker, replicas=2, settings=settings) as running:
        yield running


def run(fleet: GatewayFleet, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "keys", *arguments]
    return subprocess.run(
        [*command, "--config", str(fleet.replicas[0].file)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def done(fleet: GatewayFleet, *arguments: str) -> str:
    """What a command says that must succeed."""
    found = run(fleet, *arguments)
    assert found.returncode == 0, found.stderr
    audit = json.loads(found.stderr.splitlines()[-1])
    assert (audit["logger"], audit["message"]) == ("gateway.audit", f"keys {arguments[0]}")
    assert audit["by"]
    assert audit["id"] == arguments[arguments.index("--id") + 1]
    return found.stdout


def key_in(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith("key:")]
    return line.split()[1]


def ask(replica: GatewayReplica, key: str) -> httpx.Response:
    # Models cost no time: the answers here are slow on purpose.
    return httpx.get(
        f"{replica.url}/v1/models", headers={"x-api-key": key}, trust_env=False, timeout=30
    )


def fault(replica: GatewayReplica, key: str) -> str:
    answer = ask(replica, key)
    return f"{answer.status_code} {answer.headers.get('x-gateway-error', '')}".strip()


def until(condition: Callable[[], bool], what: str, seconds: float = HOLDS_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def holds(fleet: GatewayFleet, key: str, expected: str, seconds: float = HOLDS_SECONDS) -> None:
    """On every gateway, in time."""
    for replica in fleet.replicas:
        until(lambda: fault(replica, key) == expected, f"not {expected}", seconds)  # noqa: B023


def collect(replica: GatewayReplica, key: str, pieces: list[str]) -> float:
    """All that comes of a long answer, piece by piece; when it ended."""
    with (
        httpx.Client(trust_env=False, timeout=30) as client,
        client.stream(
            "POST",
            f"{replica.url}/v1/chat/completions",
            headers={"x-api-key": key},
            json={**BODY, "stream": True},
        ) as answer,
    ):
        try:
            pieces.extend(answer.iter_text())
        except httpx.RemoteProtocolError:
            return time.monotonic()
    return time.monotonic()


def test_a_new_key_works_and_a_revoked_one_ends_with_its_streams(
    two: GatewayFleet, database: str
) -> None:
    fleet = two
    key = key_in(done(fleet, "new", "--id", "jo", "--owner", "Jo", "--max-concurrency", "9"))
    other = key_in(done(fleet, "new", "--id", "other", "--expires", "1d"))
    holds(fleet, key, "200")
    holds(fleet, other, "200")

    answers: dict[tuple[int, str], list[str]] = {}
    with ThreadPoolExecutor(4) as pool:
        ends = {}
        for number, replica in enumerate(fleet.replicas):
            for each in (key, other):
                pieces = answers[number, each] = []
                ends[number, each] = pool.submit(collect, replica, each, pieces)
        until(lambda: all(answers.values()), "the streams do not begin", 10)
        begun = time.monotonic()
        done(fleet, "revoke", "--id", "jo")
        holds(fleet, key, "401 caller_key_revoked")
        for number in (0, 1):
            seconds = ends[number, key].result() - begun
            print(f"ended {seconds:.1f} s after the command began")
            assert seconds < HOLDS_SECONDS + 2
            text = "".join(answers[number, key])
            assert "revoked" in text.rpartition("data: ")[2]
            assert "[DONE]" not in text
            assert not ends[number, other].done()
        done(fleet, "revoke", "--id", "other")
    until(lambda: len(usage_rows(database)) == 4, "records are missing")
    assert {row["outcome"] for row in usage_rows(database)} == {"revoked"}
    assert all(row["is_partial"] for row in usage_rows(database))


def test_a_rotated_key_hands_over_to_the_next_one(fleet: GatewayFleet) -> None:
    first = key_in(done(fleet, "new", "--id", "ci"))
    second = key_in(done(fleet, "rotate", "--id", "ci", "--keep-old-for", "4"))
    holds(fleet, second, "200")
    holds(fleet, first, "401 caller_key_expired", 8)
    third = key_in(done(fleet, "rotate", "--id", "ci"))
    holds(fleet, third, "200")
    holds(fleet, second, "401 caller_key_revoked")

    listed = run(fleet, "list", "--format", "json")
    assert listed.returncode == 0
    states = sorted(each["state"] for each in json.loads(listed.stdout))
    # The first is revoked by the second rotation: no key of the id but the new one is left.
    assert states == ["revoked", "revoked", "valid"]
    for text in (listed.stdout, run(fleet, "list").stdout):
        assert not any(key in text for key in (first, second, third))
        assert all(len(each["digest"]) == 8 for each in json.loads(listed.stdout))


def test_a_forgotten_keys_sums_stay_and_its_name_does_not(
    fleet: GatewayFleet, database: str
) -> None:
    key = key_in(done(fleet, "new", "--id", "jo.doe", "--owner", "Jo Doe"))
    holds(fleet, key, "200")
    with ThreadPoolExecutor(1) as pool:
        pieces: list[str] = []
        under_way = pool.submit(collect, fleet.replicas[-1], key, pieces)
        until(lambda: bool(pieces), "the stream does not begin", 10)
        said = done(fleet, "forget", "--id", "jo.doe")
        under_way.result()
    assert "1 key(s) and 1 usage record(s)" in said
    rows = usage_rows(database)
    assert [row["key_id"].partition("-")[0] for row in rows] == ["forgotten"]
    listed = run(fleet, "list", "--format", "json").stdout
    assert "jo.doe" not in listed
    assert "Jo Doe" not in listed
    assert json.loads(listed)[0]["id"] == rows[0]["key_id"]
    holds(fleet, key, "401 caller_key_revoked")


def test_without_the_database_known_keys_go_on_and_unknown_ones_are_not_told_that_they_are_bad(
    fleet: GatewayFleet, postgres: PostgresServer
) -> None:
    key = key_in(done(fleet, "new", "--id", "jo"))
    holds(fleet, key, "200")
    postgres.kill()
    try:
        time.sleep(3)
        holds(fleet, key, "200")
        holds(fleet, "nobody's", "401 caller_key_unknown")
        down = run(fleet, "revoke", "--id", "jo")
        assert down.returncode == 1
        assert "cannot be used" in down.stderr

        late = fleet.new_replica()
        late.start()
        assert fault(late, fleet.key) == "200"
        assert fault(late, key) == "503 gateway_keys"
        assert fault(late, "nobody's") == "503 gateway_keys"
    finally:
        postgres.start()
    until(lambda: fault(late, key) == "200", "the database is not found again", 10)
    assert fault(late, "nobody's") == "401 caller_key_unknown"
    done(fleet, "revoke", "--id", "jo")
    holds(fleet, key, "401 caller_key_revoked", 10)


def test_what_cannot_be_done_is_said(fleet: GatewayFleet) -> None:
    for arguments, complaint in (
        (("new", "--id", "key-0"), "the configuration has a key 'key-0'"),
        (("revoke", "--id", "nobody"), "there is no key 'nobody'"),
        (("new", "--id", "x", "--group", "nowhere"), "no group 'nowhere'; it has: team"),
    ):
        found = run(fleet, *arguments)
        assert found.returncode == 2
        assert complaint in found.stderr
        assert found.stdout == ""
        assert "gateway.audit" not in found.stderr
