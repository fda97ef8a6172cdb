"""From a request to a plan of writes: who asks, which rule applies, what is answered.

Synchronous; reading the request and carrying out the plan are web/'s.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace

from simulator.endpoints.identity import holder_of, presented_secret
from simulator.endpoints.installation import holder_of_installation
from simulator.endpoints.question import Question, Request
from simulator.endpoints.routes import MODEL_PREFIX, Route, find_route
from simulator.faults.events import replacement
from simulator.faults.luck import Drawn, settled
from simulator.faults.plan import Plan, faulty_plan, plain_plan
from simulator.scenario.document import Scenario
from simulator.scenario.faults import Endpoint, Fault
from simulator.state.ledger import Entry
from simulator.state.rulebook import Asked
from simulator.state.world import World
from simulator.wire.answer import FREE, Answer
from simulator.wire.capi_refusals import BODY_TOO_LARGE, REFUSALS
from simulator.wire.github_refusals import Refused
from simulator.wire.user_body import quota_headers

SERVER = "copilot-simulator"
UNNAMED = "unnamed"
NOBODY = "nobody"

# What a test's caller puts anywhere into a body to know the request again here.
MARKER = re.compile(rb"marker:([A-Za-z0-9._-]{1,64})")

# As a dump of real headers shows them (§4.2).
CAPI_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-github-backend": "Kubernetes",
}


def unknown_refusals(scenario: Scenario) -> list[str]:
    """A problem for each rule or account that names a refusal that there is not."""
    named = [(f"faults[{n}]", fault.refusal) for n, fault in enumerate(scenario.faults)]
    named += [(f"accounts[{n}]", each.refusal) for n, each in enumerate(scenario.accounts)]
    return [
        f"{where}.refusal: no such refusal: {name}"
        for where, name in named
        if name is not None and name not in REFUSALS
    ]


def answer_request(world: World, request: Request, entry: Entry) -> Plan:
    """The plan for a request; what was found out about it is written into its ledger entry."""
    route = find_route(request.method, request.path, request.is_for_main)
    question = _question(world, request, route)
    _record(world, entry, question, route)
    chosen = world.rulebook.choose(
        Asked(route.endpoint, entry.account, entry.model, entry.stream, entry.initiator)
    )
    answer = _answer(world, question, route, chosen.fault if chosen else None)
    drawn = settled(chosen.fault, answer, chosen.luck) if chosen else None
    if drawn is not None:
        answer = _noted(entry, drawn)
    _charge(entry, question, answer)
    common = _common_headers(world, question, route)
    answer = replace(answer, headers={**common, **answer.headers})
    gzip = _wants_gzip(world, request)
    return faulty_plan(answer, drawn.fault, gzip) if drawn else plain_plan(answer, gzip)


def too_large(world: World) -> Plan:
    """The plan for a body beyond the limit (§7.2, 413)."""
    answer = BODY_TOO_LARGE.answer()
    return plain_plan(replace(answer, headers=_identity_headers(world)), gzip=False)


def _question(world: World, request: Request, route: Route) -> Question:
    secret = presented_secret(request.headers.get("Authorization"))
    question = Question(request, secret, holder_of(world, secret), script=world.scenario.chat)
    if route.decode is not None:
        body = route.decode(request.body)
        return replace(question, body=body, model=body.model if body else None)
    if route.endpoint is Endpoint.INSTALLATION:
        # Whoever signs for an App, the request is about the account that has it installed.
        return replace(question, holder=holder_of_installation(world, request.path))
    if route.endpoint is Endpoint.MODEL:
        return replace(question, model=request.path.removeprefix(MODEL_PREFIX))
    return question


def _record(world: World, entry: Entry, question: Question, route: Route) -> None:
    headers = question.request.headers
    entry.endpoint = route.endpoint.value
    world.ledger.attribute(entry, question.holder.account.login if question.holder else None)
    entry.model = question.model
    marker = MARKER.search(question.request.body)
    entry.marker = marker[1].decode() if marker else None
    entry.stream = bool(question.body and question.body.stream)
    entry.initiator = headers.get("X-Initiator")
    entry.vision = headers.get("Copilot-Vision-Request", "").lower() == "true"


def _answer(world: World, question: Question, route: Route, fault: Fault | None) -> Answer:
    """The answer without what happens to it on its way."""
    if fault is not None:
        login = question.holder.account.login if question.holder else NOBODY
        instead = replacement(fault, Refused(login, world.clock.now()))
        if instead is not None:
            return instead
        if fault.script is not None:
            question = replace(question, script=fault.script)
    answer = route.answer(world, question)
    if route.decode is None or question.holder is None:
        return answer
    return replace(answer, delay_seconds=question.holder.account.latency_seconds)


def _noted(entry: Entry, drawn: Drawn) -> Answer:
    """The answer a fault is for, once the ledger knows of the fault. An error costs nothing."""
    entry.fault = drawn.fault.name or UNNAMED
    entry.fault_kind = drawn.kind
    is_error = drawn.fault.error_in_200 is not None
    return replace(drawn.answer, cost=FREE) if is_error else drawn.answer


def _charge(entry: Entry, question: Question, answer: Answer) -> None:
    """A request is charged whole when it is answered, also if the caller leaves: what upstream
    does then is unknown (§12.4), and this is the careful assumption."""
    entry.charge(answer.cost)
    if answer.text is not None:
        entry.text_sha256 = hashlib.sha256(answer.text.encode("utf-8", "surrogatepass")).hexdigest()
    if question.holder is not None:
        question.holder.nano_aiu += answer.cost.nano_aiu


def _common_headers(world: World, question: Question, route: Route) -> Mapping[str, str]:
    headers = _identity_headers(world)
    asked_id = question.request.headers.get("X-Request-Id")
    if asked_id:
        headers["x-request-id"] = asked_id
    if route.is_inference:
        headers.update(CAPI_HEADERS)
        if question.holder is not None and world.scenario.http.quota_headers:
            holder = question.holder
            headers.update(quota_headers(holder.account, holder.used_credits, world.clock.now()))
    return headers


def _identity_headers(world: World) -> dict[str, str]:
    """Who answers and when; the form of the ids is as §4.2 shows it."""
    number = world.hex(32).upper()
    return {
        "Date": world.clock.date(),
        "Server": SERVER,
        "x-request-id": f"00000000-0000-4000-8000-{number[:12].lower()}",
        "x-github-request-id": f"{number[:4]}:{number[4:10]}:{number[10:17]}:{number[17:24]}:"
        f"{number[24:]}",
    }


def _wants_gzip(world: World, request: Request) -> bool:
    return world.scenario.http.gzip and "gzip" in request.headers.get("Accept-Encoding", "")
