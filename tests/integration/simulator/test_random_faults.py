"""Many streams under faults that are drawn by chance: what a test can say of each afterwards."""

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from simulator.scenario.faults import RandomKind
from tests.integration.simulator.raw_client import Heard, ask
from tests.integration.simulator.test_protocols_on_the_wire import ENDS, text_of
from tests.servers.simulator import Simulator

STREAMS = 160
AT_ONCE = 8
COMPLETE_KINDS = {None, "one_byte_writes", "split_utf8", "crlf"}
SCENARIO = {
    "seed": 7,
    "chat": {"chunk_delay_seconds": 0},
    "faults": [
        {
            "name": "chance",
            "match": {"stream": True},
            "probability": 0.9,
            "random_stream_faults": {"stall_seconds": 0.2},
        }
    ],
}


def stream(simulator: Simulator, number: int) -> tuple[str, Heard]:
    protocol = list(ENDS)[number % len(ENDS)]
    said = f"marker:s{number} größer"
    message = {"role": "user", "content": said}
    fields: dict[str, Any] = {"messages": [message]}
    if protocol == "responses":
        fields = {"input": [message]}
    return protocol, ask(simulator.port, protocol, **fields)


def test_ledger_says_of_every_stream_what_became_of_it(simulator: Simulator) -> None:
    simulator.load(SCENARIO)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        heard = list(pool.map(lambda number: stream(simulator, number), range(STREAMS)))
    ledger = {entry["marker"]: entry for entry in raw_ledger(simulator)}
    kinds = Counter(entry["fault_kind"] for entry in ledger.values())
    assert len(ledger) == STREAMS
    assert {*kinds} == {None, *RandomKind}
    assert kinds[None] < STREAMS / 5
    for number, (protocol, each) in enumerate(heard):
        entry = ledger[f"s{number}"]
        body = each.body.replace(b"\r\n", b"\n")
        has_end = ENDS[protocol] in body and body.endswith(b"\n\n")
        is_complete = each.end == "complete" and has_end
        if entry["fault_kind"] in COMPLETE_KINDS | {"stall"}:
            assert is_complete, entry
        if is_complete:
            text = text_of(protocol, body).encode()
            assert hashlib.sha256(text).hexdigest() == entry["text_sha256"]


def test_nothing_ran_at_the_same_time_that_did_not(simulator: Simulator) -> None:
    """Whoever waits for the end of an answer before asking again is never counted twice."""
    simulator.load(SCENARIO)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda number: stream(simulator, number), range(STREAMS // 4)))
    overlap = httpx.get(f"{simulator.base_url}/_simulator/overlap", trust_env=False).json()
    assert 1 < overlap["octocat"] <= AT_ONCE
    state = simulator.state()["accounts"]["octocat"]
    assert (state["open_requests"], state["most_open_requests"]) == (0, overlap["octocat"])


def raw_ledger(simulator: Simulator) -> list[dict[str, Any]]:
    url = f"{simulator.base_url}/_simulator/ledger"
    content: list[dict[str, Any]] = httpx.get(url, trust_env=False).json()
    return content
