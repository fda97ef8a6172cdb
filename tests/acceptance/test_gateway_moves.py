"""How often a request may move, what a caller is told in the end, and what never moves at all."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.acceptance.failover_round import LIMITS
from tests.acceptance.failover_table import Place
from tests.acceptance.faults import rate_limit, refusal, rule
from tests.servers.crowd import Crowd, seat
from tests.servers.gateway_callers import ask, question
from tests.servers.gateway_fleet import GatewayFleet

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def in_turn(name: str, numbers: Iterable[int], **more: Any) -> dict[str, Any]:
    """A group of these seats, in this order."""
    members = [{"id": seat(n), "priority": place} for place, n in enumerate(numbers)]
    return {"id": name, "accounts": members, **more}


GROUPS = [
    in_turn("silent", range(1, 4)),
    in_turn("broken", range(11, 19)),
    in_turn("less", range(21, 29), failover={"max_switches": 2}),
    in_turn("none", range(31, 33), failover={"max_switches": 0}),
    in_turn("helped", range(41, 43), fallback_group="helper"),
    in_turn("helper", range(51, 52)),
    in_turn("shorter-last", range(81, 83)),
    in_turn("shorter-first", range(83, 85)),
    in_turn("seats", range(61, 63)),
    in_turn("others", range(71, 72)),
]


@pytest.fixture(scope="module")
def fleet(shared_crowd: Crowd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayFleet]:
    """A gateway with these groups; keys are called as they are."""
    with GatewayFleet(
        tmp_path_factory.mktemp("failover"),
        shared_crowd.broker,
        groups=GROUPS,
        keys=[{"id": group["id"], "group": group["id"]} for group in GROUPS],
        settings={"limits": LIMITS},
    ) as fleet:
        yield fleet


async def test_a_request_moves_so_often_and_no_more(crowd: Crowd, fleet: GatewayFleet) -> None:
    """After a time-out once; else as often as `max_switches` says, then to the fallback group."""
    wanted = {
        "silent": (504, "upstream_timeout", [1, 1, 0]),
        "broken": (502, "upstream_unavailable", [1] * 6 + [0] * 2),
        "less": (502, "upstream_unavailable", [1, 1, 1] + [0] * 5),
        "none": (502, "upstream_unavailable", [1, 0]),
        "helped": (200, "", [1, 1]),
        "helper": (200, "", [2]),
    }
    seats = {each["id"]: [account["id"] for account in each["accounts"]] for each in GROUPS}
    for name in wanted:
        fault = {"stall": {}} if name == "silent" else refusal("internal_error")
        if name != "helper":
            crowd.upstream.faults(*(rule(account, fault) for account in seats[name]))
    for name, (status, error, _) in wanted.items():
        reply = await ask(fleet.url, fleet.keys[name], question(f"to {name}"))
        assert (reply.status, reply.fault) == (status, error), name
    asked = Counter(each.account for each in crowd.upstream.ledger(endpoint="chat"))
    for name, (_, _, asks) in wanted.items():
        assert [asked[account] for account in seats[name]] == asks, name
    assert fleet.metric("gateway_failovers_total", group="broken") == 5


@pytest.mark.parametrize(
    ("name", "waits"), [("shorter-last", ("60", "30")), ("shorter-first", ("30", "60"))]
)
async def test_a_caller_is_told_the_shortest_true_wait(
    name: str, waits: tuple[str, str], crowd: Crowd, fleet: GatewayFleet
) -> None:
    """Of all accounts, whichever was asked last; who asks later is told what is left of it."""
    accounts = next(each["accounts"] for each in GROUPS if each["id"] == name)
    for account, wait in zip(accounts, waits, strict=True):
        crowd.upstream.faults(rule(account["id"], rate_limit(wait)))
    for said in ("the first", "later"):
        reply = await ask(fleet.url, fleet.keys[name], question(said))
        assert (reply.status, reply.fault) == (429, "seat_rate_limited"), said
        assert reply.retry_after is not None, said
        assert 25 <= reply.retry_after <= 30, said
    assert len(crowd.upstream.ledger(endpoint="chat")) == 2


STOPS = {
    "466": ("api_version_retired", 502, "upstream_client_refused"),
    "terms": ("terms_forbidden", 502, "upstream_client_refused"),
    "integration": ("integration_rate_limited", 503, "upstream_rate_limited"),
}
Stop = tuple[str, str, Place]
SHORT_STOPS: set[Stop] = {
    ("466", "stream", Place.FIRST),
    ("terms", "whole", Place.SECOND),
    ("integration", "whole", Place.FIRST),
}


@pytest.fixture(
    params=[
        pytest.param((name, form, place), id=f"{name}-{form}-{place.value}")
        for name in STOPS
        for form in ("stream", "whole")
        for place in (Place.FIRST, Place.SECOND)
    ]
)
def stop(request: pytest.FixtureRequest, full: bool) -> Stop:
    found: Stop = request.param
    if not full and found not in SHORT_STOPS:
        pytest.skip("the full-size run has each of them in each form")
    return found


async def test_what_refuses_this_client_stops_it_on_every_account(
    stop: Stop, crowd: Crowd, fleet: GatewayFleet
) -> None:
    """466, the terms, `integration_rate_limited`: one request, no other account, no other group."""
    name, form, place = stop
    fault, status, error = STOPS[name]
    first, second = seat(61), seat(62)
    if place is Place.SECOND:
        crowd.upstream.faults(rule(first, refusal("internal_error")))
    crowd.upstream.faults(rule(first if place is Place.FIRST else second, refusal(fault)))
    # A process of its own: what it knows afterwards is about all accounts.
    replica = fleet.new_replica()
    await asyncio.to_thread(replica.start)
    said = question(name, stream=form == "stream")
    refused = await ask(replica.url, fleet.keys["seats"], said)
    crowd.upstream.remove_faults()
    later = [
        await ask(replica.url, fleet.keys[key], question("later")) for key in ("seats", "others")
    ]
    assert (refused.status, refused.fault) == (status, error)
    asked = [each.account for each in crowd.upstream.ledger(endpoint="chat")]
    assert asked == ([first] if place is Place.FIRST else [first, second])
    for reply in later:
        assert (reply.status, reply.fault) in ((status, error), (503, error))
        assert reply.retry_after is not None
        assert 45 <= reply.retry_after <= 61
    assert replica.metric("gateway_client_refused", platform="copilot") == 1
    moves = 0 if place is Place.FIRST else 1
    assert replica.metric("gateway_failovers_total") == moves
    replica.terminate()
