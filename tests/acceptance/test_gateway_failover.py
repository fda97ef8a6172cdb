"""Every row of the failover table: who is asked how often, what callers get, what cools down."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.acceptance.failover_round import Outcome, Round, broker_of, fleet_of, rules, scenario
from tests.acceptance.failover_table import PARTS, Case, part, short_form
from tests.servers.chat_streams import told
from tests.servers.gateway_callers import Reply, answer_to, whole_text
from tests.servers.gateway_fleet import GatewayFleet
from tests.servers.simulator import Simulator

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

OTHER_MODEL = "gpt-4o"
TOLD_SECONDS = 4.0
"""How late the answer that says how long to wait may be read."""


@pytest.fixture(params=["short", *PARTS])
def cases(request: pytest.FixtureRequest, full: bool) -> list[Case]:
    """In the short form every row in every form once, in the full size everything."""
    which: str = request.param
    if full == (which == "short"):
        pytest.skip("of the other size")
    return list(part(*PARTS[which]) if full else short_form())


async def test_every_row_of_the_failover_table(
    cases: list[Case],
    lone_store: str,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    upstream.load(scenario(cases))
    with (
        broker_of(tmp_path, upstream, cases) as broker,
        fleet_of(tmp_path, broker, cases, lone_store) as fleet,
    ):
        upstream.faults(*(each for case in cases for each in rules(case)))
        rounds = Round(fleet, upstream, cases)
        seen = await rounds.run()
        problems = [f"{one.case.id}: {text}" for one in seen for text in wrong_answer(one)]
        problems += wrong_in_ledger(cases, upstream)
        problems += wrong_in_metrics(cases, fleet)
        problems += await wrong_cool_downs(seen, rounds, upstream)
    assert not problems, "\n".join(["", *problems])
    moved = sum(case.moved_for is not None for case in cases)
    report(cases=len(cases), moved=moved, cooled=sum(len(case.cooled) for case in cases))


# --- what was wrong, in a sentence each -------------------------------------------------------


def wrong_answer(seen: Outcome) -> Iterator[str]:
    case, reply = seen.case, seen.reply
    if case.is_answered:
        if reply.status != 200:
            yield f"{reply.status} {reply.fault} instead of an answer"
        elif text_of(case, reply) != answer_to(seen.said):
            yield "another answer than the one to its question, or only a part of it"
        return
    if case.row.committed:
        yield from wrong_break(seen)
        return
    if (reply.status, reply.fault) != (case.row.status, case.row.error):
        yield f"{reply.status} {reply.fault}, not {case.row.status} {case.row.error}"
    if case.row.cools is not None and case.row.error in ("seat_rate_limited", "seat_quota"):
        least, most = case.row.cools
        if reply.retry_after is None or not least - TOLD_SECONDS <= reply.retry_after <= most + 1:
            yield f"Retry-After {reply.retry_after}, not {least} to {most}"


def text_of(case: Case, reply: Reply) -> str:
    if not case.is_stream:
        return whole_text(reply)
    said = told(reply.body)
    assert reply.is_whole
    assert said.is_done
    assert len(said.ids) == 1
    return said.text


def wrong_break(seen: Outcome) -> Iterator[str]:
    """After the commit point: a part of the answer, an error event, no proper end."""
    reply = seen.reply
    if reply.status != 200:
        yield f"{reply.status} {reply.fault} instead of the beginning of an answer"
        return
    said = told(reply.body)
    if said.error != seen.case.row.error:
        yield f"error event {said.error}, not {seen.case.row.error}"
    if said.is_done or reply.is_whole:
        yield "it looks complete"
    if not answer_to(seen.said).startswith(said.text) or len(said.ids) != 1:
        yield "it is not the beginning of one answer"


def wrong_in_ledger(cases: Sequence[Case], upstream: Simulator) -> Iterator[str]:
    asked = Counter(seen.account for seen in upstream.ledger(endpoint="chat", limit=10_000))
    exchanged = Counter(seen.account for seen in upstream.ledger(endpoint="exchange", limit=10_000))
    for case in cases:
        for account, wanted in zip(case.accounts, case.asked, strict=True):
            is_faulty = account in case.faulty
            warmed = 1 if case.row.aged and is_faulty else 0
            if asked[account] - warmed != wanted:
                yield f"{account}: asked {asked[account] - warmed} times, not {wanted}"
            exchanges = case.row.exchanges if is_faulty and wanted else min(1, wanted + warmed)
            if case.row.refused and is_faulty:
                exchanges = 1
            if exchanged[account] != exchanges:
                yield f"{account}: exchanged {exchanged[account]} times, not {exchanges}"


def wrong_in_metrics(cases: Sequence[Case], fleet: GatewayFleet) -> Iterator[str]:
    # Of so many groups most are counted together, by the reason alone.
    failovers: Counter[str] = Counter()
    for name, labels, value in fleet.replicas[0].samples():
        if name == "gateway_failovers_total":
            failovers[labels["reason"]] += int(value)
    moved = Counter(case.moved_for for case in cases if case.moved_for is not None)
    if failovers != moved:
        yield f"failovers {failovers}, not {moved}"
    states = fleet.replicas[0].states()
    for case in cases:
        for account in case.accounts:
            state = case.row.error if account in case.cooled else "ok"
            if states.get(account) != state:
                yield f"{account}: in state {states.get(account)}, not {state}"


async def wrong_cool_downs(
    seen: Sequence[Outcome], rounds: Round, upstream: Simulator
) -> list[str]:
    """What keys bound to each account get once upstream is well again."""
    upstream.remove_faults()
    upstream.clear_ledger()
    problems: list[str] = []
    for found in await asyncio.gather(*(wrong_with(one, rounds) for one in seen)):
        problems += found
    asked = Counter(each.account for each in upstream.ledger(endpoint="chat", limit=10_000))
    for one in seen:
        problems += [f"{a}: asked while it cools down" for a in one.case.cooled if asked[a]]
    return problems


async def wrong_with(seen: Outcome, rounds: Round) -> list[str]:
    case = seen.case
    problems: list[str] = []
    for account in case.accounts:
        reply = await rounds.bound(account)
        if case.row.refused and account in case.faulty:
            continue
        if case.row.cools_model and account in case.faulty and case.is_asked(account):
            problems += wrong_rest(seen, account, reply)
            if (await rounds.bound(account, OTHER_MODEL)).status != 200:
                problems.append(f"{account}: another model cools down, too")
        elif account in case.cooled:
            problems += wrong_rest(seen, account, reply)
        elif reply.status != 200:
            problems.append(f"{account}: {reply.status} {reply.fault} though it is not set aside")
    return problems


def wrong_rest(seen: Outcome, account: str, reply: Reply) -> Iterator[str]:
    """How much of the cool-down is left, by what its callers are told."""
    assert seen.case.row.cools is not None
    least, most = seen.case.row.cools
    passed = time.monotonic() - seen.at
    if reply.status not in (429, 503) or reply.retry_after is None:
        yield f"{account}: {reply.status}, Retry-After {reply.retry_after}: it does not cool down"
    elif not least - passed - TOLD_SECONDS <= reply.retry_after <= most + 1:
        yield f"{account}: cools down for {reply.retry_after} s more, not {least} to {most}"
