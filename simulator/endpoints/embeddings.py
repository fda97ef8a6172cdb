"""`POST /embeddings` (§5.8): what is refused, and the vectors."""

from dataclasses import replace

from simulator.endpoints.generating import admit_to_model
from simulator.endpoints.question import Question
from simulator.state.world import World
from simulator.wire.answer import Answer, as_json
from simulator.wire.capi_refusals import BAD_REQUEST, QUOTA_EXCEEDED, too_many_inputs
from simulator.wire.catalogue import EMBEDDINGS
from simulator.wire.embeddings_body import (
    MOST_INPUTS,
    EmbeddingsRequest,
    count_tokens,
    embeddings_body,
)
from simulator.wire.reply import Reply
from simulator.wire.usage import copilot_usage, cost_of


def embeddings(world: World, question: Question) -> Answer:
    """A vector for each text. Only for a bare string is the refusal recorded; that everything
    else is refused alike is our reading."""
    admitted = admit_to_model(world, question, EMBEDDINGS)
    if isinstance(admitted, Answer):
        return admitted
    holder, model = admitted
    request = question.body
    texts = request.texts if isinstance(request, EmbeddingsRequest) else None
    if texts is None or not isinstance(request, EmbeddingsRequest):
        return BAD_REQUEST.answer()
    if len(texts) > MOST_INPUTS:
        return too_many_inputs(len(texts), MOST_INPUTS).answer()
    if holder.is_out_of_quota:
        return QUOTA_EXCEEDED.answer()
    body = embeddings_body(texts, model.id, request.dimensions)
    reply = _counted(texts)
    if holder.account.token_based_billing:
        # That embeddings say what they cost is our reading.
        body["copilot_usage"] = copilot_usage(reply, model.prices)
    return replace(as_json(body), cost=cost_of(reply, model.prices))


def _counted(texts: list[str]) -> Reply:
    return Reply("", (), "stop", count_tokens(texts), 0, 0)
