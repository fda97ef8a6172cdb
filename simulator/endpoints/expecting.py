"""What a complete answer to a request says: for tests that have to know a broken one from it.

The same functions as an answer's, without the account, the refusals and the faults.
"""

from typing import Any

from simulator.endpoints.generating import Asked
from simulator.endpoints.routes import ROUTES
from simulator.scenario.faults import Endpoint
from simulator.state.world import World
from simulator.wire.reply import reply_to

DECODERS = {route.endpoint: route.decode for route in ROUTES.values() if route.decode}


def expected(world: World, endpoint: Endpoint, body: bytes) -> dict[str, Any] | None:
    """What is said, thought and called; None for what no model answers.

    The body may be of any protocol, whether the model serves that or not: what is said does
    not depend on it.
    """
    decode = DECODERS.get(endpoint)
    asked = decode(body) if decode else None
    model = world.models_by_id.get(asked.model) if asked else None
    if model is None or not isinstance(asked, Asked) or asked.is_empty:
        return None
    reply = reply_to(asked.prompt(), model, world.scenario.chat)
    return {
        "text": reply.text,
        "reasoning": reply.reasoning,
        "calls": [{"name": call.name, "arguments": call.arguments} for call in reply.calls],
        "finish_reason": reply.finish_reason,
    }
