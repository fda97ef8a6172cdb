"""All of upstream is ill, or one caller is: neither is made worse for the others."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.servers.callers import at_rate
from tests.servers.crowd import Crowd, seat, team
from tests.servers.gateway_callers import MODEL, ask, question
from tests.servers.gateway_fleet import GatewayFleet

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ILL, POISON = "gpt-4o", "gpt-4.1"
"""What upstream fails at in the outage; and whoever asks, in place of a prompt that does that."""
MOST_CALLS_PER_REQUEST = 1.25
GROUPS = {
    "ill": range(1, 41),
    "lone": range(41, 45),
    "many": range(45, 53),
    "broken": range(53, 55),
    "broken-lone": range(55, 57),
}
"""Each has seats of its own; the lone ones have a single key."""
KEYS = 50


def group(name: str) -> dict[str, Any]:
    found = team(GROUPS[name], name)
    if name.startswith("broken"):
        for priority, account in enumerate(found["accounts"]):
            account["priority"] = priority
    return found


def keys() -> Iterator[dict[str, Any]]:
    for name in GROUPS:
        for number in range(1 if name.endswith("lone") else KEYS):
            yield {"id": f"{name}-{number}", "group": name}


@pytest.fixture(scope="module")
def fleet(
    shared_crowd: Crowd, lone_store: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayFleet]:
    directory = tmp_path_factory.mktemp("storms")
    with GatewayFleet(
        directory,
        shared_crowd.broker,
        groups=[group(name) for name in GROUPS],
        keys=list(keys()),
        store_url=lone_store,
    ) as fleet:
        yield fleet


def keys_of(fleet: GatewayFleet, name: str) -> list[str]:
    return [key for id_, key in fleet.keys.items() if id_.rpartition("-")[0] == name]


async def test_an_outage_is_not_multiplied(
    full: bool, crowd: Crowd, fleet: GatewayFleet, report: Callable[..., None]
) -> None:
    """503 to all at 100 rps from many keys: at most 1.25 upstream calls a request."""
    rate, seconds = (100, 30) if full else (60, 3)
    crowd.upstream.faults({"match": {"endpoint": "chat", "model": ILL}, "refusal": "unavailable"})
    callers = keys_of(fleet, "ill")
    answers: Counter[str] = Counter()
    slowest = 0.0

    async def one(number: int) -> None:
        nonlocal slowest
        said = question(f"request {number}", model=ILL, stream=number % 2 == 0)
        reply = await ask(fleet.url, callers[number % len(callers)], said)
        answers[f"{reply.status} {reply.fault}"] += 1
        slowest = max(slowest, reply.seconds)

    await at_rate(one, rate, time.monotonic() + seconds)
    requests = answers.total()
    calls = len(crowd.upstream.ledger(endpoint="chat", limit=100_000))
    assert set(answers) <= {"503 upstream_overloaded", "503 seat_unavailable"}, answers
    assert calls / requests <= MOST_CALLS_PER_REQUEST
    assert calls > 20
    report(requests=requests, calls=calls, ratio=f"{calls / requests:.3f}", **answers)
    if full:
        assert slowest < 5


@pytest.mark.parametrize("name", ["lone", "many"])
async def test_one_callers_poison_takes_no_account_from_anybody(
    name: str, full: bool, crowd: Crowd, fleet: GatewayFleet, report: Callable[..., None]
) -> None:
    """Requests that fail on every account they come to: no account is set aside for it, and they
    move no more often than a fifth of all requests.

    A caller with the only key of its group sends the same one again and again; beside others it
    may send different ones.
    """
    rate, seconds = (40, 20) if full else (30, 2)
    crowd.upstream.faults(
        {"match": {"endpoint": "chat", "model": POISON}, "refusal": "internal_error"}
    )
    poisoner, *others = keys_of(fleet, name)
    answers: Counter[str] = Counter()

    async def one(number: int) -> None:
        if number % 2:
            caller = others[number % len(others)] if others else poisoner
            reply = await ask(fleet.url, caller, question(f"hello {number}", model=MODEL))
            answers[f"others {reply.status}"] += 1
        else:
            said = f"poison {number}" if others else "poison"
            reply = await ask(fleet.url, poisoner, question(said, model=POISON))
            answers[f"poison {reply.status}"] += 1

    await at_rate(one, rate, time.monotonic() + seconds)
    states = fleet.replicas[0].states()
    ledger = crowd.upstream.ledger(endpoint="chat", limit=100_000)
    asked = {each.account for each in ledger if each.model == POISON}
    assert set(answers) == {"others 200", "poison 502"}, answers
    assert {states[seat(number)] for number in GROUPS[name]} == {"ok"}
    assert asked == {seat(number) for number in GROUPS[name]}, "it did not come to every account"
    ratio = len(ledger) / answers.total()
    assert ratio <= MOST_CALLS_PER_REQUEST
    report(**answers, ratio=f"{ratio:.3f}", accounts_cooled=0)


async def test_an_account_that_fails_everybody_is_set_aside(
    crowd: Crowd, fleet: GatewayFleet
) -> None:
    """The same failures from three keys, or in a group of one key from three bodies."""
    ill = [seat(GROUPS[name][0]) for name in ("broken", "broken-lone")]
    well = [seat(GROUPS[name][1]) for name in ("broken", "broken-lone")]
    for account in ill:
        match = {"endpoint": "chat", "account": account}
        crowd.upstream.faults({"match": match, "refusal": "internal_error"})
    (lone,) = keys_of(fleet, "broken-lone")
    for number, key in enumerate(keys_of(fleet, "broken")[:4]):
        for caller in (key, lone):
            reply = await ask(fleet.url, caller, question(f"number {number}"))
            assert reply.status == 200
    states = fleet.replicas[0].states()
    asked = Counter(each.account for each in crowd.upstream.ledger(endpoint="chat"))
    assert [states[account] for account in ill] == ["upstream_unavailable"] * 2
    assert [states[account] for account in well] == ["ok"] * 2
    assert asked == {**dict.fromkeys(ill, 3), **dict.fromkeys(well, 4)}
