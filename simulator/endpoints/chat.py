"""`POST /chat/completions` (§6.1-§6.3): what it alone refuses (§7.2), and the answer."""

from simulator.endpoints.generating import Service, generate
from simulator.endpoints.question import Question
from simulator.scenario.faults import Script
from simulator.state.world import World
from simulator.wire.answer import EVENTS, Answer, Dialect, as_json
from simulator.wire.capi_refusals import MAX_TOKENS_UNSUPPORTED, Refusal
from simulator.wire.catalogue import CHAT, Family, Model
from simulator.wire.chat_request import ChatRequest
from simulator.wire.chat_stream import chat_events
from simulator.wire.chat_whole import chat_body
from simulator.wire.completion import Completion
from simulator.wire.messages_blocks import messages_body


def chat(world: World, question: Question) -> Answer:
    """The answer to a chat request."""
    return generate(world, question, SERVICE)


def _refuse(question: Question, request: ChatRequest, model: Model) -> Refusal | None:
    is_refused = request.max_tokens is not None and model.refuses_max_tokens
    return MAX_TOKENS_UNSUPPORTED if is_refused else None


def _write(completion: Completion, request: ChatRequest, script: Script) -> Answer:
    deployment = completion.model.answers_as
    if request.stream:
        headers = {"azureml-model-deployment": deployment}
        return Answer(200, EVENTS, events=chat_events(completion, script), headers=headers)
    # Some Claude models answer here in Anthropic's shape (§6.3).
    is_native = script.native_body and completion.model.family is Family.CLAUDE
    body = messages_body(completion) if is_native else chat_body(completion)
    return as_json(body, azureml_model_deployment=deployment)


SERVICE = Service(CHAT, Dialect.CHAT, ChatRequest, _refuse, _write)
