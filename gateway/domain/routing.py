"""Which of upstream's endpoints serves a request: one table, by what the model has.

The caller's own protocol where the model has it, else the one through which least is lost.
"""

from collections.abc import Set

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.models import Model
from gateway.domain.protocols import Protocol

PREFERENCES: dict[Protocol, tuple[Protocol, ...]] = {
    # Chat loses reasoning in both; Responses models say more of what chat can show.
    Protocol.CHAT: (Protocol.CHAT, Protocol.RESPONSES, Protocol.MESSAGES),
    # Both keep reasoning between turns, which chat does not.
    Protocol.RESPONSES: (Protocol.RESPONSES, Protocol.MESSAGES, Protocol.CHAT),
    Protocol.MESSAGES: (Protocol.MESSAGES, Protocol.RESPONSES, Protocol.CHAT),
    Protocol.EMBEDDINGS: (Protocol.EMBEDDINGS,),
}


WIDESPREAD = frozenset({Protocol.CHAT})
"""What any OpenAI-compatible API has, whatever it does not say."""


def route(caller: Protocol, model: Model | None, served: Set[Protocol]) -> Protocol:
    """The protocol to speak upstream. Raises GatewayError.

    model: None where upstream's list is not known or does not have it: then, and where the list
    does not name endpoints, upstream is to judge.
    served: what the platform has at all.
    """
    endpoints = model.endpoints if model is not None else None
    # Every row of the table begins with the caller's own.
    if (endpoints is None or caller in endpoints) and caller in served:
        return caller
    has = endpoints & served if endpoints is not None else WIDESPREAD & served
    for protocol in PREFERENCES[caller]:
        if protocol in has:
            return protocol
    raise GatewayError(
        Fault.CALLER_MODEL_ENDPOINT,
        f"The model cannot be used for {caller.value}.",
        param="model",
    )
