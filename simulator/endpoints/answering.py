"""From a request to a plan of writes: who asks, which rule applies, what is answered.

Synchronous; reading the request and carrying out the plan are web/'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from simulator.endpoints.identity import holder_of, presented_secret
from simulator.endpoints.installation import holder_of_installation
from simulator.endpoints.question import Question, Request
from simulator.endpoints.routes import MODEL_PREFIX, Route, find_route
from simulator.faults.events import replacement
from simulator.faults.plan import Plan, faulty_plan, plain_plan
from simulator.scenario.document import Scenario
from simulator.scenario.faults import Endpoint, Fault
from simulator.state.ledger import Entry
from simulator.state.rulebook import Asked
from simulator.state.world import World
from simulator.wire.answer import Answer
from simulator.wire.capi_refusals import BODY_TOO_LARGE, REFUSALS
from simulator.wire.chat_request import decode_chat
from simulator.wire.github_refusals import Refused
from simulator.wire.user_body import quota_headers

SERVER = "copilot-simulator"
UNNAMED = "unnamed"
NOBODY = "nobody"

# As a dump of real headers shows them (§4.2).
CAPI_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-github-backend": "Kubernetes",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What to do with a connection, and the name of the rule that wanted it so."""

    plan: Plan
    fault: str | None


def unknown_refusals(scenario: Scenario) -> list[str]:
    """A problem for each rule that names a refusal that there is not."""
    return [
        f"faults[{number}].refusal: no such refusal: {fault.refusal}"
        for number, fault in enumerate(scenario.faults)
        if fault.refusal is not None and fault.refusal not in REFUSALS
    ]


def answer_request(world: World, request: Request, entry: Entry) -> Answered:
    """The plan for a request; what was found out about it is written into its ledger entry."""
    route = find_route(request.method, request.path, request.is_for_main)
    question = _question(world, request, route)
    _record(entry, question, route)
    fault = world.rulebook.choose(
        Asked(route.endpoint, entry.account, entry.model, entry.stream, entry.initiator)
    )
    answer = _answer(world, question, route, fault)
    _charge(entry, question, answer)
    common = _common_headers(world, question, route)
    answer = replace(answer, headers={**common, **answer.headers})
    gzip = _wants_gzip(world, request)
    if fault is None:
        return Answered(plain_plan(answer, gzip), None)
    return Answered(faulty_plan(answer, fault, gzip), fault.name or UNNAMED)


def too_large(world: World) -> Plan:
    """The plan for a body beyond the limit (§7.2, 413)."""
    answer = BODY_TOO_LARGE.answer()
    return plain_plan(replace(answer, headers=_identity_headers(world)), gzip=False)


def _question(world: World, request: Request, route: Route) -> Question:
    secret = presented_secret(request.headers.get("Authorization"))
    question = Question(request, secret, holder_of(world, secret), script=world.scenario.chat)
    if route.endpoint is Endpoint.CHAT:
        chat = decode_chat(request.body)
        return replace(question, chat=chat, model=chat.model if chat else None)
    if route.endpoint is Endpoint.INSTALLATION:
        # Whoever signs for an App, the request is about the account that has it installed.
        return replace(question, holder=holder_of_installation(world, request.path))
    if route.endpoint is Endpoint.MODEL:
        return replace(question, model=request.path.removeprefix(MODEL_PREFIX))
    return question


def _record(entry: Entry, question: Question, route: Route) -> None:
    headers = question.request.headers
    entry.endpoint = route.endpoint.value
    entry.account = question.holder.account.login if question.holder else None
    entry.model = question.model
    entry.stream = bool(question.chat and question.chat.stream)
    entry.initiator = headers.get("X-Initiator")
    entry.vision = headers.get("Copilot-Vision-Request", "").lower() == "true"


def _answer(world: World, question: Question, route: Route, fault: Fault | None) -> Answer:
    if fault is None:
        return route.answer(world, question)
    login = question.holder.account.login if question.holder else NOBODY
    instead = replacement(fault, Refused(login, world.clock.now()))
    if instead is not None:
        return instead
    if fault.script is not None:
        question = replace(question, script=fault.script)
    answer = route.answer(world, question)
    return replace(answer, nano_aiu=0) if fault.error_in_200 else answer


def _charge(entry: Entry, question: Question, answer: Answer) -> None:
    """A request is charged whole when it is answered, also if the caller leaves: what upstream
    does then is unknown (§12.4), and this is the careful assumption."""
    entry.nano_aiu = answer.nano_aiu
    if question.holder is not None:
        question.holder.nano_aiu += answer.nano_aiu


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
