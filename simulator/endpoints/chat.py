"""`POST /chat/completions` (§6.1-§6.3): what is refused (§7.2), and the answer."""

from simulator.endpoints.identity import admit
from simulator.endpoints.question import Question
from simulator.scenario.faults import Script
from simulator.state.accounts import Holder
from simulator.state.world import World
from simulator.wire.answer import EVENTS, Answer, as_json
from simulator.wire.capi_refusals import (
    BODY_UNREADABLE,
    MAX_TOKENS_UNSUPPORTED,
    MODEL_NOT_SUPPORTED,
    QUOTA_EXCEEDED,
    VISION_HEADER_MISSING,
    VISION_UNSUPPORTED,
    Refusal,
    prompt_too_long,
    unsupported_endpoint,
)
from simulator.wire.catalogue import CHAT, Family, Model
from simulator.wire.chat_parts import Completion
from simulator.wire.chat_reply import reply_to
from simulator.wire.chat_request import ChatRequest
from simulator.wire.chat_stream import stream_events
from simulator.wire.chat_whole import whole_body

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def chat(world: World, question: Question) -> Answer:
    """The answer to a chat request, streamed if it asks for that."""
    admitted = admit(world, question)
    if isinstance(admitted, Answer):
        return admitted
    request = question.chat
    if request is None or not request.messages:
        return BODY_UNREADABLE.answer()
    model = world.models_by_id.get(request.model)
    if model is None or not model.enabled or model.kind != "chat":
        return MODEL_NOT_SUPPORTED.answer()
    refusal = _refusal(question, request, model)
    if refusal is None and admitted.is_out_of_quota:
        refusal = QUOTA_EXCEEDED
    if refusal is not None:
        return refusal.answer()
    completion = _complete(world, admitted, request, model, question.script)
    return _written(world, admitted, completion, request, question.script)


def _refusal(question: Question, request: ChatRequest, model: Model) -> Refusal | None:
    if not model.serves(CHAT):
        return unsupported_endpoint(model.id, CHAT)
    if request.max_tokens is not None and model.refuses_max_tokens:
        return MAX_TOKENS_UNSUPPORTED
    if request.images:
        if question.request.headers.get("Copilot-Vision-Request", "").lower() != "true":
            return VISION_HEADER_MISSING
        if not model.images:
            return VISION_UNSUPPORTED
    tokens = request.prompt_tokens
    if tokens > model.prompt_tokens:
        return prompt_too_long(tokens, model.prompt_tokens, model.family is Family.CLAUDE)
    return None


def _complete(
    world: World, holder: Holder, request: ChatRequest, model: Model, script: Script
) -> Completion:
    return Completion(
        id=f"chatcmpl-{world.hex(24)}",
        created=int(world.clock.now()),
        model=model,
        reply=reply_to(request, model, script),
        padding=LETTERS[: world.random.randint(1, len(LETTERS))],
        with_copilot_usage=holder.account.token_based_billing,
        split_choices=script.split_choices,
    )


def _written(
    world: World, holder: Holder, completion: Completion, request: ChatRequest, script: Script
) -> Answer:
    nano_aiu = completion.nano_aiu
    headers = {"azureml-model-deployment": completion.model.answers_as}
    if not request.stream:
        body = as_json(whole_body(completion))
        return Answer(200, body.content_type, body.body, headers=headers, nano_aiu=nano_aiu)
    return Answer(
        200,
        EVENTS,
        events=stream_events(completion, script),
        headers=headers,
        gap_seconds=script.chunk_delay_seconds,
        nano_aiu=nano_aiu,
    )
