"""Every row of the failover table: who is asked how often, what the caller gets, what cools down.

The table below is written from what the gateway promises (docs/http.md, docs/decisions/0013), not
from its own table. Each case has a group and accounts of its own, so that none disturbs another.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from tests.servers.crowd import Crowd, seat
from tests.servers.gateway_callers import MODEL, Reply, answer_to, ask, question, told, whole_text
from tests.servers.gateway_fleet import Broker, GatewayFleet
from tests.servers.ports import free_ports
from tests.servers.simulator import Simulator

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

OTHER_MODEL = "gpt-4o"
HOUR = 3600.0
LIFE_SECONDS = 8
"""Of the tokens that are old enough to be replaced when upstream refuses them: half of it."""
SHORT_LIVED = {"renew_before_seconds": 1, "renew_jitter_seconds": 0, "min_remaining_seconds": 0.5}
LIMITS = {
    "first_byte_seconds": 1,
    "idle_seconds": 1,
    "heartbeat_seconds": 5,
    "total_seconds": 20,
}
DATE_SECONDS = 300.0
SOME_SECONDS = (1.0, HOUR)
"""How long something is set aside where upstream does not say: some time, and not for ever."""


@dataclass(frozen=True)
class Row:
    """A way to fail, and what follows from it.

    fault: the simulator's rule for it. asks: how often the account that has it is asked.
    moves: whether another account is asked then. status, error: what the caller gets when there
    is no other one; `error` is the reason of a move, too. cools: how long, at least and at most.
    """

    name: str
    fault: Mapping[str, Any]
    moves: bool
    status: int
    error: str
    cools: tuple[float, float] | None = None
    asks: int = 1
    form: str = ""
    """`stream` or `whole`, where it is a fault of this one only."""
    recovers: bool = False
    """The account itself answers in the end."""
    aged: bool = False
    """Its token is old enough to be replaced."""
    exchanges: int = 1
    cools_model: bool = False
    """Only this model on this account."""
    committed: bool = False
    """The caller has seen some of the answer: the error comes as an event."""
    refused: bool = False
    """Nobody listens where the account's token says that the API is."""
    failover: Mapping[str, Any] = field(default_factory=dict)


def refusal(name: str, **more: Any) -> dict[str, Any]:
    return {"refusal": name, **more}


def respond(kind: str, body: Any) -> dict[str, Any]:
    return {"respond": {"status": 200, "content_type": kind, "body": body}}


def rate_limit(seconds: str | None, code: str = "rate_limited") -> dict[str, Any]:
    """A 429 in the form that upstream has for it; seconds: its Retry-After."""
    body = {"error": {"message": "rate limit exceeded", "code": code}}
    headers = {} if seconds is None else {"retry-after": seconds}
    return {"respond": {"status": 429, "headers": headers, "body": body}}


def late(fault: Mapping[str, Any]) -> dict[str, Any]:
    """After four events, which go out one by one: the caller has seen three of them."""
    return {"script": {"chunk_delay_seconds": 0.05}, **fault}


def ends(how: str, **where: int) -> dict[str, Any]:
    return {"end": {"how": how, **where}}


def exactly(seconds: float) -> tuple[float, float]:
    return (seconds, seconds)


ROWS = (
    # 401 and 421: another token, the same account once more, then another account.
    Row("401-once", refusal("token_expired"), True, 502, "seat_token_rejected",
        asks=2, recovers=True, aged=True, exchanges=2),
    Row("401-twice", refusal("token_expired"), True, 502, "seat_token_rejected",
        asks=2, aged=True, exchanges=2),
    Row("401-new", refusal("token_expired"), True, 502, "seat_token_rejected"),
    Row("421-once", refusal("misdirected"), True, 502, "seat_wrong_host",
        asks=2, recovers=True, aged=True, exchanges=2),
    Row("421-twice", refusal("misdirected"), True, 502, "seat_wrong_host", SOME_SECONDS,
        asks=2, aged=True, exchanges=2),
    # 429: the account or the model on it cools down for as long as upstream says.
    Row("429", rate_limit("60"), True, 429, "seat_rate_limited", exactly(60)),
    Row("429-date", rate_limit("DATE"), True, 429, "seat_rate_limited", (270, 301)),
    Row("429-absent", rate_limit(None), True, 429, "seat_rate_limited", SOME_SECONDS),
    Row("429-58-hours", refusal("rate_limited_58_hours"), True, 429, "seat_rate_limited",
        exactly(58 * HOUR)),
    Row("429-global", refusal("user_global_rate_limited"), True, 429, "seat_rate_limited",
        exactly(60)),
    Row("429-weekly", refusal("user_weekly_rate_limited"), True, 429, "seat_rate_limited",
        exactly(58 * HOUR)),
    Row("429-model", rate_limit("90", f"user_model_rate_limited:{MODEL}"), True, 429,
        "seat_model_rate_limited", exactly(90), cools_model=True),
    Row("429-overloaded", refusal("model_overloaded"), True, 503, "upstream_model_overloaded",
        exactly(10), cools_model=True),
    # 402: the account rests; the request moves only where the operator says so.
    Row("402-stop", refusal("quota_exceeded", headers={"retry-after": "7200"}), False, 429,
        "seat_quota", exactly(7200)),
    Row("402-move", refusal("quota_exceeded"), True, 429, "seat_quota", SOME_SECONDS,
        failover={"on_quota": "move"}),
    # Other 4xx: the request, or an operator's policy; no other account is tried.
    Row("400", refusal("bad_request"), False, 400, "caller_request_refused"),
    Row("403-policy", refusal("feature_forbidden"), False, 502, "seat_forbidden"),
    Row("404", refusal("not_found"), False, 404, "caller_model_not_found"),
    Row("413", refusal("body_too_large"), False, 413, "caller_body_too_large"),
    Row("422", refusal("content_filtered"), False, 400, "caller_content_filtered"),
    Row("424", refusal("agent_dependency"), False, 400, "caller_request_refused"),
    # 408, 5xx and connections that fail.
    Row("408", refusal("request_timeout"), True, 504, "upstream_request_timeout"),
    Row("500", refusal("internal_error"), True, 502, "upstream_unavailable"),
    Row("502-html", refusal("unicorn"), True, 502, "upstream_unavailable"),
    Row("503", refusal("unavailable"), True, 503, "upstream_overloaded"),
    Row("504", refusal("gateway_timeout"), True, 502, "upstream_unavailable"),
    Row("refused", {}, True, 502, "upstream_unavailable", asks=0, refused=True),
    Row("reset", ends("reset"), True, 502, "upstream_unavailable"),
    Row("cut", ends("cut"), True, 502, "upstream_unavailable"),
    Row("silent", {"stall": {}}, True, 504, "upstream_timeout"),
    # A 200 that is none.
    Row("200-rate-limited", {"error_in_200": {"code": "rate_limited"}}, True, 429,
        "seat_rate_limited", SOME_SECONDS),
    Row("200-error", {"error_in_200": {"code": "internal_error"}}, True, 502,
        "upstream_unavailable"),
    Row("200-empty-stream", respond("text/event-stream", ""), True, 502, "upstream_truncated",
        form="stream"),
    Row("200-empty", respond("application/json", ""), True, 502, "upstream_bad_answer",
        form="whole"),
    Row("200-html", respond("text/html", "<html>Unicorn</html>"), True, 502,
        "upstream_bad_answer"),
    # Answers that break off: made good until the caller has seen an event, never after it.
    Row("whole-cut", ends("cut", after_bytes=40), True, 502, "upstream_cut_off", form="whole"),
    Row("whole-reset", ends("reset", after_bytes=40), True, 502, "upstream_cut_off",
        form="whole"),
    Row("early-cut", ends("cut", after_events=1), True, 502, "upstream_cut_off", form="stream"),
    Row("early-finish", ends("finish", after_events=1), True, 502, "upstream_truncated",
        form="stream"),
    Row("early-silence", {"stall": {"after_events": 1}}, True, 504, "upstream_idle",
        form="stream"),
    Row("late-cut", late(ends("cut", after_events=4)), False, 200, "upstream_cut_off",
        form="stream", committed=True),
    Row("late-reset", late(ends("reset", after_events=4)), False, 200, "upstream_cut_off",
        form="stream", committed=True),
    Row("late-finish", late(ends("finish", after_events=4)), False, 200, "upstream_truncated",
        form="stream", committed=True),
    Row("late-silence", late({"stall": {"after_events": 4}}), False, 200, "upstream_idle",
        form="stream", committed=True),
    Row("late-error", late({"error_event": {"after_events": 4}}), False, 200,
        "upstream_stream_error", form="stream", committed=True),
)  # fmt: skip


class Place(Enum):
    """Which of a group's accounts have the fault."""

    FIRST = "first"
    BOTH = "both"
    SECOND = "second"
    """The first one answers 500, so that the request gets there."""


@dataclass(frozen=True)
class Case:
    """A row in one form at one place, with accounts of its own."""

    row: Row
    form: str
    place: Place

    @property
    def id(self) -> str:
        return f"{self.row.name}-{self.form}-{self.place.value}"

    @property
    def accounts(self) -> tuple[str, str]:
        """In the order of their priorities."""
        return f"{self.id}-a", f"{self.id}-b"

    @property
    def faulty(self) -> Sequence[str]:
        first, second = self.accounts
        return {
            Place.FIRST: [first],
            Place.BOTH: [first, second],
            Place.SECOND: [second],
        }[self.place]

    @property
    def is_stream(self) -> bool:
        return self.form == "stream"

    # --- what has to follow ---

    @property
    def asked(self) -> tuple[int, int]:
        """How often each account is sent the request."""
        asks, goes_on = self.row.asks, self.row.moves and not self.row.recovers
        return {
            Place.FIRST: (asks, int(goes_on)),
            Place.BOTH: (asks, asks if goes_on else 0),
            Place.SECOND: (1, asks),
        }[self.place]

    @property
    def is_answered(self) -> bool:
        """Whether the caller gets a whole answer."""
        if self.row.recovers:
            return True
        return self.row.moves and self.place is Place.FIRST

    @property
    def moved_for(self) -> str | None:
        """Why the request left the first account; None when it did not."""
        if self.place is Place.SECOND:
            return "upstream_unavailable"
        return self.row.error if self.row.moves and not self.row.recovers else None

    @property
    def cooled(self) -> Sequence[str]:
        """The accounts that are set aside afterwards."""
        if self.row.cools is None or self.row.cools_model:
            return []
        return [account for account in self.faulty if self._is_asked(account)]

    def _is_asked(self, account: str) -> bool:
        return self.asked[self.accounts.index(account)] > 0


@dataclass
class Seen:
    """What one case came to."""

    case: Case
    said: str
    reply: Reply
    at: float
    """Monotonic seconds at its end."""


def forms_of(row: Row) -> Sequence[str]:
    return [row.form] if row.form else ["stream", "whole"]


def places_of(row: Row) -> Sequence[Place]:
    # An account that recovers sends nobody to the second one.
    return [Place.FIRST, Place.SECOND] if row.recovers else list(Place)


def short_form() -> Iterator[Case]:
    """Every row in every form once, the places in turn."""
    for number, row in enumerate(ROWS):
        for turn, form in enumerate(forms_of(row)):
            places = places_of(row)
            yield Case(row, form, places[(number + turn) % len(places)])


def part(form: str, place: Place) -> Iterator[Case]:
    for row in ROWS:
        if form in forms_of(row) and place in places_of(row):
            yield Case(row, form, place)


PARTS = {f"{form}-{place.value}": (form, place) for form in ("stream", "whole") for place in Place}


def rules(case: Case) -> Iterator[dict[str, Any]]:
    """The simulator's rules for a case."""
    if case.place is Place.SECOND:
        yield rule(case.accounts[0], refusal("internal_error"))
    for account in case.faulty:
        if case.row.refused:
            continue
        # What makes the token old enough is a request too.
        after = {"after": 1} if case.row.aged else {}
        times = {"times": 1} if case.row.recovers else {}
        yield {**rule(account, dated(case.row.fault)), **after, **times}


def rule(account: str, fault: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": account, "match": {"endpoint": "chat", "account": account}, **fault}


def dated(fault: Mapping[str, Any]) -> Mapping[str, Any]:
    """With a true date where the row has one."""
    headers = fault.get("respond", {}).get("headers", {})
    if headers.get("retry-after") != "DATE":
        return fault
    date = formatdate(time.time() + DATE_SECONDS, usegmt=True)
    return {"respond": {**fault["respond"], "headers": {"retry-after": date}}}


def credential(account: str) -> str:
    return "ghu_simulated_" + account.replace("-", "_")


def scenario(cases: Sequence[Case]) -> dict[str, Any]:
    (closed,) = free_ports(1)
    accounts = []
    for case in cases:
        for account in case.accounts:
            entry: dict[str, Any] = {"login": account, "credentials": [credential(account)]}
            if case.row.aged:
                entry["token"] = {
                    "life_seconds": LIFE_SECONDS,
                    "refresh_in_seconds": LIFE_SECONDS - 1,
                }
            if case.row.refused and account in case.faulty:
                entry["api_url"] = f"http://127.0.0.1:{closed}"
            accounts.append(entry)
    return {
        "accounts": accounts,
        "chat": {"chunk_delay_seconds": 0},
    }


def group(case: Case) -> dict[str, Any]:
    first, second = case.accounts
    return {
        "id": case.id,
        "accounts": [{"id": first, "priority": 0}, {"id": second, "priority": 1}],
        "failover": dict(case.row.failover),
    }


def keys(case: Case) -> Iterator[dict[str, Any]]:
    """One that may use both accounts, and one bound to each, which shows the account's state."""
    yield {"id": case.id, "group": case.id}
    for account in case.accounts:
        yield {"id": account, "group": case.id, "account": account}


def broker_of(directory: Path, upstream: Simulator, cases: Sequence[Case]) -> Broker:
    seats = {account: credential(account) for case in cases for account in case.accounts}
    return Broker(directory, upstream.base_url, seats, settings={"freshness": SHORT_LIVED})


def fleet_of(
    directory: Path, broker: Broker, cases: Sequence[Case], store_url: str
) -> GatewayFleet:
    return GatewayFleet(
        directory,
        broker,
        groups=[group(case) for case in cases],
        keys=[key for case in cases for key in keys(case)],
        store_url=store_url,
        settings={"limits": LIMITS},
    )


class Round:
    """Cases being run against one gateway."""

    def __init__(self, fleet: GatewayFleet, upstream: Simulator, cases: Sequence[Case]) -> None:
        self._fleet = fleet
        self._upstream = upstream
        self._cases = cases
        self._few = asyncio.Semaphore(8)

    async def run(self) -> list[Seen]:
        aged = [case for case in self._cases if case.row.aged]
        began = time.monotonic()
        await asyncio.gather(*(self._warm(case) for case in aged))
        seen = await asyncio.gather(*(self._one(c) for c in self._cases if not c.row.aged))
        if aged:
            await asyncio.sleep(max(0.0, began + LIFE_SECONDS / 2 + 0.3 - time.monotonic()))
        return [*seen, *await asyncio.gather(*(self._one(case) for case in aged))]

    async def bound(self, account: str, model: str = MODEL) -> Reply:
        """What a key gets that may use this account only."""
        async with self._few:
            body = question(f"bound to {account}", model=model)
            return await ask(self._fleet.url, self._fleet.keys[account], body)

    async def _warm(self, case: Case) -> None:
        for account in case.faulty:
            assert (await self.bound(account)).status == 200

    async def _one(self, case: Case) -> Seen:
        async with self._few:
            said = f"case {case.id}"
            body = question(said, stream=case.is_stream)
            reply = await ask(self._fleet.url, self._fleet.keys[case.id], body)
            return Seen(case, said, reply, time.monotonic())


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


def wrong_answer(seen: Seen) -> Iterator[str]:
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
        if reply.retry_after is None or not least - 3 <= reply.retry_after <= most + 1:
            yield f"Retry-After {reply.retry_after}, not {least} to {most}"


def text_of(case: Case, reply: Reply) -> str:
    if not case.is_stream:
        return whole_text(reply)
    said = told(reply.body)
    assert reply.is_whole
    assert said.is_done
    assert len(said.ids) == 1
    return said.text


def wrong_break(seen: Seen) -> Iterator[str]:
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
    failovers = {
        (labels["group"], labels["from"], labels["reason"]): value
        for name, labels, value in fleet.replicas[0].samples()
        if name == "gateway_failovers_total"
    }
    states = fleet.replicas[0].states()
    for case in cases:
        wanted = {}
        if case.moved_for is not None:
            wanted = {(case.id, case.accounts[0], case.moved_for): 1.0}
        found = {labels: value for labels, value in failovers.items() if labels[0] == case.id}
        if found != wanted:
            yield f"{case.id}: failovers {found}, not {wanted}"
        for account in case.accounts:
            state = case.row.error if account in case.cooled else "ok"
            if states.get(account) != state:
                yield f"{account}: in state {states.get(account)}, not {state}"


async def wrong_cool_downs(seen: Sequence[Seen], rounds: Round, upstream: Simulator) -> list[str]:
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


async def wrong_with(seen: Seen, rounds: Round) -> list[str]:
    case = seen.case
    problems: list[str] = []
    for account in case.accounts:
        reply = await rounds.bound(account)
        if case.row.refused and account in case.faulty:
            continue
        if case.row.cools_model and account in case.faulty and case._is_asked(account):
            problems += wrong_rest(seen, account, reply)
            if (await rounds.bound(account, OTHER_MODEL)).status != 200:
                problems.append(f"{account}: another model cools down, too")
        elif account in case.cooled:
            problems += wrong_rest(seen, account, reply)
        elif reply.status != 200:
            problems.append(f"{account}: {reply.status} {reply.fault} though it is not set aside")
    return problems


def wrong_rest(seen: Seen, account: str, reply: Reply) -> Iterator[str]:
    """How much of the cool-down is left, by what its callers are told."""
    assert seen.case.row.cools is not None
    least, most = seen.case.row.cools
    passed = time.monotonic() - seen.at
    if reply.status not in (429, 503) or reply.retry_after is None:
        yield f"{account}: {reply.status}, Retry-After {reply.retry_after}: it does not cool down"
    elif not least - passed - 4 <= reply.retry_after <= most + 1:
        yield f"{account}: cools down for {reply.retry_after} s more, not {least} to {most}"


# --- what two accounts cannot show ------------------------------------------------------------


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
