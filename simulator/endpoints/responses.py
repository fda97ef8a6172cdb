"""`POST /responses` (§5.6, §6.4): what it alone refuses (§7.2), and the answer."""

from simulator.endpoints.generating import Service, generate
from simulator.endpoints.question import Question
from simulator.scenario.faults import Script
from simulator.state.world import World
from simulator.wire.answer import EVENTS, Answer, Dialect, as_json
from simulator.wire.capi_refusals import PREVIOUS_RESPONSE_NOT_FOUND, Refusal, nameless_tool
from simulator.wire.catalogue import RESPONSES, Model
from simulator.wire.completion import Completion
from simulator.wire.responses_request import ResponsesRequest
from simulator.wire.responses_stream import responses_events
from simulator.wire.responses_whole import responses_body


def responses(world: World, question: Question) -> Answer:
    """The answer to a Responses request."""
    return generate(world, question, SERVICE)


def _refuse(question: Question, request: ResponsesRequest, model: Model) -> Refusal | None:
    """Nothing is stored, so there is no previous response (§5.6)."""
    if request.previous_response_id is not None:
        return PREVIOUS_RESPONSE_NOT_FOUND
    index = request.nameless_tool
    return None if index is None else nameless_tool(index)


def _write(completion: Completion, request: ResponsesRequest, script: Script) -> Answer:
    if request.stream:
        return Answer(200, EVENTS, events=responses_events(completion, request, script))
    return as_json(responses_body(completion, request))


SERVICE = Service(RESPONSES, Dialect.RESPONSES, ResponsesRequest, _refuse, _write)
