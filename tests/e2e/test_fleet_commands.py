"""What operators do to a running fleet: pause, resume, doctor, and a changed configuration."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers.gateway_fleet import Broker, GatewayFleet
from tests.servers.process import ROOT, clean_environment
from tests.servers.simulator import Simulator
from tests.servers.valkey_server import ValkeyServer

pytestmark = pytest.mark.slow
SECONDS = 10.0


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


SEATS = {"seat-1": "ghu_simulated_octocat"}


def run(fleet: GatewayFleet, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(
        [*command, "--config", str(fleet.replicas[0].file)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def ask(fleet: GatewayFleet, replica: int = 0, key: str | None = None) -> httpx.Response:
    return httpx.post(
        f"{fleet.replicas[replica].url}/v1/chat/completions",
        headers={"x-api-key": key or fleet.key},
        json={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]},
        trust_env=False,
        timeout=30,
    )


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_pause_holds_on_every_replica_until_it_is_resumed(
    upstream: Simulator, tmp_path: Path
) -> None:
    with (
        ValkeyServer() as store,
        Broker(tmp_path, upstream.base_url, SEATS) as broker,
        GatewayFleet(tmp_path, broker, replicas=2, store_url=store.url) as fleet,
    ):
        assert ask(fleet, 0).status_code == ask(fleet, 1).status_code == 200
        paused = run(fleet, "pause", "account", "seat-1")
        assert paused.returncode == 0, paused.stderr
        assert "paused: account seat-1" in paused.stdout
        audit = json.loads(paused.stderr.splitlines()[-1])
        assert (audit["logger"], audit["message"], audit["id"]) == (
            "gateway.audit",
            "pause",
            "seat-1",
        )
        assert audit["by"]
        for replica in (0, 1):
            until(lambda: ask(fleet, replica).status_code == 503, "the pause does not hold")  # noqa: B023
            assert ask(fleet, replica).headers["x-gateway-error"] == "policy_paused"
            state = {"account": "seat-1", "state": "policy_paused"}
            assert fleet.replicas[replica].metric("gateway_account_state", **state) == 1
            assert '"logger":"gateway.audit"' in fleet.replicas[replica].output()
        resumed = run(fleet, "resume", "account", "seat-1")
        assert resumed.returncode == 0, resumed.stderr
        for replica in (0, 1):
            until(lambda: ask(fleet, replica).status_code == 200, "the pause does not end")  # noqa: B023


def test_a_pause_of_what_is_not_there_or_of_no_fleet_is_refused(
    upstream: Simulator, tmp_path: Path
) -> None:
    with (
        Broker(tmp_path, upstream.base_url, SEATS) as broker,
        GatewayFleet(tmp_path, broker) as fleet,
    ):
        alone = run(fleet, "pause", "account", "seat-1")
        assert alone.returncode == 2
        assert "memory://" in alone.stderr
        fleet.document["store"] = {"url": "valkey://127.0.0.1:1"}
        fleet.reconfigure()
        typo = run(fleet, "pause", "account", "seat-9")
        assert typo.returncode == 2
        assert "seat-1" in typo.stderr
        down = run(fleet, "pause", "group", "team")
        assert down.returncode == 1
        assert "cannot be reached" in down.stderr


def test_the_doctor_explains_each_step(upstream: Simulator, tmp_path: Path) -> None:
    seats = {"well": "ghu_simulated_octocat", "ill": "ghu_simulated_noaccess"}
    with (
        Broker(tmp_path, upstream.base_url, seats) as broker,
        GatewayFleet(tmp_path, broker) as fleet,
    ):
        well = run(fleet, "doctor", "--account", "well")
        assert well.returncode == 0, well.stdout + well.stderr
        steps = [line.partition(":")[0] for line in well.stdout.splitlines()[1:]]
        assert steps == [
            "ok     credential and exchange",
            "ok     host and models",
            "ok     chat",
        ]
        ill = run(fleet, "doctor", "--account", "ill")
        assert ill.returncode == 1
        assert "FAILED credential and exchange: seat_no_access" in ill.stdout
        unknown = run(fleet, "doctor", "--account", "nobody")
        assert unknown.returncode == 2
        assert "ill, well" in unknown.stderr
        broker.process.kill()
        gone = run(fleet, "doctor", "--account", "well")
        assert gone.returncode == 1
        assert "token_service.target" in gone.stdout
        for done in (well, ill, unknown, gone):
            assert not any(secret in done.stdout + done.stderr for secret in upstream.issued())


def test_groups_and_keys_are_taken_over_while_streams_go_on(
    upstream: Simulator, tmp_path: Path
) -> None:
    upstream.load({"chat": {"chunks": 40, "chunk_delay_seconds": 0.05}})
    try:
        with (
            Broker(tmp_path, upstream.base_url, SEATS) as broker,
            GatewayFleet(tmp_path, broker, keys=2) as fleet,
        ):
            first, second = fleet.keys.values()
            body = {
                "model": "gpt-4o-mini",
                "stream": True,
                "messages": [{"role": "user", "content": "hello"}],
            }
            with httpx.stream(
                "POST",
                f"{fleet.url}/v1/chat/completions",
                headers={"x-api-key": first},
                json=body,
                trust_env=False,
                timeout=30,
            ) as answer:
                pieces = answer.iter_bytes()
                next(pieces)
                removed = fleet.document["keys"].pop(1)
                fleet.reconfigure()
                fleet.replicas[0].signal(signal.SIGHUP)
                until(lambda: ask(fleet, key=second).status_code == 401, "the key still works")
                assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
            fleet.document["keys"].append(removed)
            fleet.document["groups"][0]["models"] = {"aliases": {"mine-*": "gpt-4o-mini"}}
            fleet.reconfigure()
            until(lambda: ask(fleet, key=second).status_code == 200, "a change is not noticed")
            fleet.document["keys"][0]["group"] = "nowhere"
            fleet.reconfigure()
            until(
                lambda: fleet.metric("gateway_config_reload_failures_total") > 0,
                "a bad configuration is not noticed",
            )
            assert ask(fleet, key=first).status_code == 200
            assert "configuration refused" in fleet.replicas[0].output()
    finally:
        upstream.reset()
