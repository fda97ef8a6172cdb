"""A running simulator: its hosts, its clock, its ledger, and callers that leave."""

import socket
import struct
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.simulator.raw_client import CHAT, chat, connect, listen
from tests.servers.simulator import Seen, Simulator

GHU = {"Authorization": "token ghu_simulated_octocat"}
DEADLINE_SECONDS = 10.0


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=DEADLINE_SECONDS) as opened:
        yield opened


def exchange(client: httpx.Client, simulator: Simulator) -> tuple[str, str]:
    """A token and the API host it is for."""
    answer = client.get(f"{simulator.base_url}/copilot_internal/v2/token", headers=GHU)
    body = answer.raise_for_status().json()
    return body["token"], body["endpoints"]["api"]


def ended(simulator: Simulator, count: int, **wanted: str) -> list[Seen]:
    """The wanted entries once there are so many and all have ended: what a client sees comes
    before the server's note of it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        seen = simulator.ledger(**wanted)
        if len(seen) >= count and all(each.outcome != "open" for each in seen):
            return seen
    raise AssertionError(f"not ended: {simulator.ledger(**wanted)}")


def test_token_works_at_its_host_only(simulator: Simulator, client: httpx.Client) -> None:
    simulator.change_account("octocat", plan="business")
    token, host = exchange(client, simulator)
    assert host == simulator.plan_urls["business"]
    headers = {"Authorization": f"Bearer {token}", "Editor-Version": "test/1"}
    statuses = {
        url: client.get(f"{url}/models", headers=headers).status_code
        for url in (simulator.base_url, *simulator.plan_urls.values())
    }
    assert statuses == {
        simulator.base_url: 421,
        simulator.plan_urls["business"]: 200,
        simulator.plan_urls["enterprise"]: 421,
    }


def test_api_host_is_the_address_that_was_asked(simulator: Simulator, client: httpx.Client) -> None:
    """So that it works behind any port and name."""
    answer = client.get(
        f"{simulator.base_url}/copilot_internal/v2/token",
        headers={**GHU, "Host": "simulator.example:1234"},
    )
    assert answer.json()["endpoints"]["api"] == "http://simulator.example:1234"


def test_caller_that_leaves_is_noted_with_how_far_it_came(simulator: Simulator) -> None:
    simulator.load({"chat": {"chunk_delay_seconds": 0.05}})
    with connect(simulator.port) as connection:
        listen(connection, enough=b"simulated")
    (seen,) = ended(simulator, 1, endpoint="chat")
    assert (seen.outcome, seen.status, seen.stream) == ("client_left", 200, True)
    assert 0 < seen.writes < 12
    assert simulator.open_requests == 0


def test_caller_that_leaves_before_the_headers(simulator: Simulator) -> None:
    simulator.faults({"match": {"endpoint": "chat"}, "stall": {}})
    with connect(simulator.port):
        deadline = time.monotonic() + DEADLINE_SECONDS
        while simulator.open_requests == 0 and time.monotonic() < deadline:
            pass
    (seen,) = ended(simulator, 1, endpoint="chat")
    assert (seen.outcome, seen.status) == ("client_left", 0)


@pytest.mark.parametrize("way", ["close", "reset"])
def test_a_request_ends_when_its_caller_leaves(simulator: Simulator, way: str) -> None:
    """And not when the simulator would have written next."""
    simulator.faults({"match": {"endpoint": "chat"}, "stall": {"after_events": 2}})
    with connect(simulator.port) as connection:
        listen(connection, enough=b"assistant")
        if way == "reset":
            no_linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        left = time.time()
    (seen,) = ended(simulator, 1, endpoint="chat")
    assert seen.outcome == "client_left"
    assert seen.ended_at is not None
    assert seen.ended_at - left == pytest.approx(0, abs=0.05)
    (entry,) = httpx.get(f"{simulator.base_url}/_simulator/ledger", trust_env=False).json()
    assert entry["closed"] - entry["opened"] == pytest.approx(seen.ended_at - seen.time, abs=0.05)


def test_planned_ends_are_noted_as_planned(simulator: Simulator) -> None:
    for how in ("cut", "reset"):
        simulator.faults(
            {"name": how, "times": 1, "end": {"how": how, "after_events": 1},
             "match": {"endpoint": "chat"}}
        )  # fmt: skip
        chat(simulator.port)
    seen = ended(simulator, 2, endpoint="chat")
    assert [(each.outcome, each.fault) for each in seen] == [("cut", "cut"), ("reset", "reset")]


def test_ledger_holds_what_was_sent_and_no_secret(
    simulator: Simulator, client: httpx.Client
) -> None:
    token, host = exchange(client, simulator)
    headers = {
        "Authorization": f"Bearer {token}",
        "Editor-Version": "test/1",
        "X-Initiator": "agent",
    }
    answer = client.post(
        f"{host}/chat/completions", headers=headers, json={**CHAT, "stream": False}
    )
    assert answer.status_code == 200
    exchanged, asked = ended(simulator, 2)
    assert (exchanged.endpoint, exchanged.status) == ("exchange", 200)
    assert (asked.account, asked.model, asked.initiator) == ("octocat", "gpt-4o", "agent")
    assert asked.headers["x-initiator"] == "agent"
    assert asked.headers["authorization"].startswith("Bearer tid=…sha256:")
    assert asked.nano_aiu == answer.json()["copilot_usage"]["total_nano_aiu"]
    assert asked.body is None
    assert token in simulator.issued()
    text = str(simulator.ledger())
    assert not any(secret in text for secret in simulator.issued())


def test_bodies_are_kept_only_where_asked_for(simulator: Simulator) -> None:
    simulator.load({"ledger": {"keep_bodies": True}})
    chat(simulator.port)
    (seen,) = ended(simulator, 1)
    assert seen.body is not None
    assert '"model": "gpt-4o"' in seen.body
    assert seen.body_length == len(seen.body.encode())


def test_oversized_bodies_are_413(simulator: Simulator) -> None:
    simulator.load({"http": {"body_limit_bytes": 50}})
    assert chat(simulator.port).head.startswith("http/1.1 413")


def test_time_can_be_moved(simulator: Simulator, client: httpx.Client) -> None:
    token, host = exchange(client, simulator)
    headers = {"Authorization": f"Bearer {token}", "Editor-Version": "test/1"}
    assert client.get(f"{host}/models", headers=headers).status_code == 200
    simulator.set_clock(advance_seconds=1801)
    assert client.get(f"{host}/models", headers=headers).status_code == 401


def test_device_flow_from_code_to_token(simulator: Simulator, client: httpx.Client) -> None:
    json = {"Accept": "application/json"}
    url = simulator.base_url
    codes = client.post(
        f"{url}/login/device/code", headers=json, data={"client_id": "Iv1.simulated"}
    ).json()
    assert client.get(codes["verification_uri"]).status_code == 200
    form = {
        "client_id": "Iv1.simulated",
        "device_code": codes["device_code"],
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
    }
    poll = f"{url}/login/oauth/access_token"
    pending = client.post(poll, headers=json, data=form).json()
    assert pending["error"] == "authorization_pending"
    simulator.set_clock(advance_seconds=6)
    simulator.grant(codes["user_code"])
    credential = client.post(poll, headers=json, data=form).json()["access_token"]
    simulator.deny(
        client.post(f"{url}/login/device/code", headers=json, data=form).json()["user_code"]
    )
    exchanged = client.get(
        f"{url}/copilot_internal/v2/token", headers={"Authorization": f"token {credential}"}
    )
    assert exchanged.status_code == 200


def test_rules_can_be_watched_and_removed(simulator: Simulator) -> None:
    simulator.faults({"name": "r", "match": {"endpoint": "chat"}, "refusal": "unicorn"})
    assert chat(simulator.port).head.startswith("http/1.1 502")
    (rule,) = simulator.rules()
    assert (rule["met"], rule["applied"]) == (1, 1)
    assert simulator.remove_faults("r") == 1
    assert chat(simulator.port).end == "complete"
    simulator.clear_ledger()
    assert simulator.ledger() == []


def test_scenario_text_is_taken_too(simulator: Simulator) -> None:
    simulator.load("chat: {text: scripted}")
    assert b'"content":"scripted"' in chat(simulator.port).body


def test_pages_for_people_say_what_this_is(simulator: Simulator, client: httpx.Client) -> None:
    assert "nothing here is real" in client.get(simulator.base_url).text
    assert client.get(f"{simulator.base_url}/_ping").status_code == 200
