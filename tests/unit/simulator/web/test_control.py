"""The control endpoint, route by route."""

import json
from typing import Any

import pytest

from simulator.web.control import Control
from tests.unit.simulator.asking import Simulated

pytestmark = pytest.mark.anyio


async def order(
    simulated: Simulated, method: str, route: str, body: Any = None, query: str = ""
) -> tuple[int, Any]:
    raw = b"" if body is None else json.dumps(body).encode()
    answer = await Control(simulated.world).answer(method, f"/_simulator/{route}", query, raw)
    assert isinstance(answer.body, bytes)
    return answer.status, json.loads(answer.body)


async def test_rules_are_added_shown_and_removed() -> None:
    simulated = Simulated()
    rule = {"name": "r", "match": {"endpoint": "chat"}, "refusal": "unicorn"}
    assert await order(simulated, "POST", "faults", rule) == (200, {"rules": 1})
    assert await order(simulated, "POST", "faults", [rule]) == (200, {"rules": 2})
    assert simulated.chat().status == 502
    _, shown = await order(simulated, "GET", "faults")
    assert (shown[0]["met"], shown[0]["applied"], shown[1]["applied"]) == (1, 1, 0)
    assert shown[0]["fault"] == rule
    assert await order(simulated, "DELETE", "faults", query="name=q") == (200, {"removed": 0})
    assert await order(simulated, "DELETE", "faults") == (200, {"removed": 2})
    assert simulated.chat().status == 200


async def test_problems_are_400_and_change_nothing() -> None:
    simulated = Simulated()
    for route, body in (
        ("faults", {"refusal": "nonsense"}),
        ("faults", {"nonsense": 1}),
        ("clock", {"nonsense": 1}),
        ("clock", [1]),
        ("accounts/octocat", {"seat": "nonsense"}),
        ("accounts/octocat", [1]),
    ):
        status, content = await order(simulated, "POST", route, body)
        assert (status, len(content["problems"])) == (400, 1)
    assert (await order(simulated, "PUT", "scenario", {"nonsense": 1}))[0] == 400
    assert (await order(simulated, "GET", "ledger", query="since=x"))[0] == 400
    assert simulated.world.rulebook.rules == []


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("GET", "nonsense"),
        ("GET", "scenario"),
        ("POST", "device/AAAA-BBBB/grant"),
        ("POST", "device/AAAA-BBBB/nonsense"),
        ("POST", "accounts/nobody"),
        ("GET", "a/b/c/d"),
    ],
)
async def test_unknown_things_are_404(method: str, route: str) -> None:
    assert (await order(Simulated(), method, route))[0] == 404


async def test_accounts_change_and_lose_their_tokens() -> None:
    simulated = Simulated()
    token = simulated.token()
    changes = {"seat": "subscription_ended", "revoke_tokens": True, "revoke_credentials": False}
    status, content = await order(simulated, "POST", "accounts/octocat", changes)
    assert (status, content["revoked_tokens"]) == (200, 1)
    assert simulated.chat(bearer=token).status == 401
    assert simulated.exchange().status == 403
    await order(simulated, "POST", "accounts/octocat", {"revoke_credentials": True})
    assert simulated.exchange().status == 401


async def test_clock_changes_what_is_named_only() -> None:
    simulated = Simulated()
    token = simulated.token()
    await order(simulated, "POST", "clock", {"skew_seconds": 60})
    _, knobs = await order(simulated, "POST", "clock", {"advance_seconds": 1800})
    assert (knobs["skew_seconds"], knobs["now"]) == (60, simulated.now() + 1800)
    assert simulated.chat(bearer=token).status == 401


async def test_user_codes_are_granted_and_denied() -> None:
    simulated = Simulated()
    headers = {"Accept": "application/json"}
    body = b"client_id=Iv1.simulated"
    told = simulated.ask("POST", "/login/device/code", headers, body)
    code = told.json["user_code"]
    _, content = await order(simulated, "POST", f"device/{code}/grant", {"account": "noaccess"})
    assert (content["account"], content["decision"]) == ("noaccess", "granted")
    _, content = await order(simulated, "POST", f"device/{code}/deny")
    assert content["decision"] == "denied"


async def test_issued_secrets_are_listed_in_clear() -> None:
    simulated = Simulated()
    token = simulated.token()
    _, content = await order(simulated, "GET", "issued")
    assert {token, "ghu_simulated_octocat"} <= set(content["issued"])


async def test_state_holds_no_secret() -> None:
    simulated = Simulated()
    token = simulated.token()
    _, content = await order(simulated, "GET", "state")
    assert content["accounts"]["octocat"]["exchanges"] == 1
    assert token not in json.dumps(content)
    assert "ghu_" not in json.dumps(content)


async def test_scenarios_are_replaced_and_reset() -> None:
    simulated = Simulated()
    text = b"accounts: [{login: a, credentials: [ghu_a]}]\nledger: {keep: 5}"
    answer = await Control(simulated.world).answer("PUT", "/_simulator/scenario", "", text)
    assert answer.status == 200
    assert simulated.exchange("ghu_a").status == 200
    await order(simulated, "POST", "reset")
    assert simulated.exchange("ghu_a").status == 401


async def test_ledger_is_read_and_forgotten() -> None:
    simulated = Simulated()
    simulated.world.ledger.open(simulated.chat().entry)
    _, entries = await order(simulated, "GET", "ledger", query="endpoint=chat&limit=5")
    assert entries[0]["model"] == "gpt-4o"
    await order(simulated, "DELETE", "ledger")
    assert (await order(simulated, "GET", "ledger"))[1] == []


async def test_accounts_are_refused_and_slowed_while_it_runs() -> None:
    simulated = Simulated()
    changes = {"refusal": "unavailable", "latency_seconds": 1}
    assert (await order(simulated, "POST", "accounts/octocat", changes))[0] == 200
    told = simulated.chat()
    assert (told.status, told.plan.delay_seconds) == (503, 1)
    assert (await order(simulated, "POST", "accounts/octocat", {"refusal": None}))[0] == 200
    assert simulated.chat().status == 200
    assert (await order(simulated, "POST", "accounts/octocat", {"refusal": "x"}))[0] == 400


async def test_what_would_be_said_can_be_asked() -> None:
    body = {"model": "gpt-5.4", "messages": [{"role": "user", "content": "hello"}]}
    question = {"endpoint": "messages", "body": body}
    status, said = await order(Simulated(), "POST", "expected", question)
    assert (status, said["text"]) == (
        200,
        "This is a simulated answer from gpt-5.4. You said: hello",
    )
    assert (await order(Simulated(), "POST", "expected", {**question, "body": {}}))[0] == 400
    assert (await order(Simulated(), "POST", "expected", {"endpoint": "messages"}))[0] == 400


async def test_overlap_counts_what_models_were_asked() -> None:
    simulated = Simulated()
    ledger = simulated.world.ledger
    for said in ("marker:a", "marker:b", "marker:b"):
        ledger.open(simulated.chat(said).entry)
    ledger.open(simulated.exchange().entry)
    assert await order(simulated, "GET", "overlap") == (200, {"octocat": 3})
    by_marker = await order(simulated, "GET", "overlap", query="by=marker")
    assert by_marker == (200, {"a": 1, "b": 2})
    selected = await order(simulated, "GET", "overlap", query="by=model&marker=b")
    assert selected == (200, {"gpt-4o": 2})
    exchanges = await order(simulated, "GET", "overlap", query="endpoint=exchange")
    assert exchanges == (200, {"octocat": 1})
    assert (await order(simulated, "GET", "overlap", query="by=nonsense"))[0] == 400


async def test_state_has_gauges_for_each_account() -> None:
    simulated = Simulated()
    simulated.chat()
    _, state = await order(simulated, "GET", "state")
    # The exchange for the token and the chat request: nothing closes them here.
    assert state["accounts"]["octocat"]["open_requests"] == 2
    assert state["accounts"]["octocat"]["most_open_requests"] == 2
    assert state["accounts"]["noaccess"]["open_requests"] == 0
