"""`POST /v1/messages` (§5.3, §6.5): what it alone refuses (§7.2), and the answer."""

from simulator.endpoints.generating import Service, generate
from simulator.endpoints.question import Question
from simulator.scenario.faults import Script
from simulator.state.world import World
from simulator.wire.answer import EVENTS, Answer, Dialect, as_json
from simulator.wire.capi_refusals import (
    BUDGET_TOO_LARGE,
    MAX_TOKENS_REQUIRED,
    Refusal,
    extra_input,
    unsupported_betas,
)
from simulator.wire.catalogue import MESSAGES, Model
from simulator.wire.completion import Completion
from simulator.wire.messages_blocks import messages_body
from simulator.wire.messages_request import MessagesRequest
from simulator.wire.messages_stream import messages_events
from simulator.wire.messages_strictness import first_extra_input, refused_betas


def messages(world: World, question: Question) -> Answer:
    """The answer to a Messages request."""
    return generate(world, question, SERVICE)


def _refuse(question: Question, request: MessagesRequest, model: Model) -> Refusal | None:
    betas = _betas(question)
    refused = refused_betas(betas)
    if refused:
        return unsupported_betas(refused)
    place = first_extra_input(request, question.request.body, betas)
    if place is not None:
        return extra_input(place)
    if request.max_tokens is None:
        return MAX_TOKENS_REQUIRED
    budget = request.thinking.budget_tokens if request.thinking else None
    return BUDGET_TOO_LARGE if budget is not None and budget >= request.max_tokens else None


def _betas(question: Question) -> list[str]:
    """The names in `anthropic-beta`, which may be given more than once."""
    lines = question.request.headers.getall("anthropic-beta", [])
    return [name.strip() for line in lines for name in line.split(",") if name.strip()]


def _write(completion: Completion, request: MessagesRequest, script: Script) -> Answer:
    if request.stream:
        return Answer(200, EVENTS, events=messages_events(completion, script))
    return as_json(messages_body(completion))


SERVICE = Service(MESSAGES, Dialect.MESSAGES, MessagesRequest, _refuse, _write)
