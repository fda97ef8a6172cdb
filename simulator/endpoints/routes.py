"""The route table: which endpoint stands behind which path, on which listeners.

A new endpoint is a row here, a name in scenario/faults.py and a function beside these.
"""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.endpoints.chat import chat
from simulator.endpoints.device_flow import access_token, device_code, device_page
from simulator.endpoints.embeddings import embeddings
from simulator.endpoints.exchange import exchange, user, user_info
from simulator.endpoints.installation import INSTALLATION_PATH, installation
from simulator.endpoints.messages import messages
from simulator.endpoints.models import front_page, model, models, nowhere, ping
from simulator.endpoints.question import Body, Question
from simulator.endpoints.responses import responses
from simulator.scenario.faults import Endpoint
from simulator.state.world import World
from simulator.wire.answer import Answer
from simulator.wire.chat_request import decode_chat
from simulator.wire.embeddings_body import decode_embeddings
from simulator.wire.messages_request import decode_messages
from simulator.wire.responses_request import decode_responses


@dataclass(frozen=True)
class Route:
    """One row. is_inference: answered by the Copilot API, on every listener.

    decode: for those that give work to a model, what their body is.
    """

    endpoint: Endpoint
    answer: Callable[[World, Question], Answer]
    is_inference: bool = False
    decode: Callable[[bytes], Body | None] | None = None


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/"): Route(Endpoint.FRONT_PAGE, front_page),
    ("GET", "/login/device"): Route(Endpoint.FRONT_PAGE, device_page),
    ("POST", "/login/device/code"): Route(Endpoint.DEVICE_CODE, device_code),
    ("POST", "/login/oauth/access_token"): Route(Endpoint.ACCESS_TOKEN, access_token),
    ("GET", "/copilot_internal/v2/token"): Route(Endpoint.EXCHANGE, exchange),
    ("GET", "/copilot_internal/user"): Route(Endpoint.USER_INFO, user_info),
    ("GET", "/user"): Route(Endpoint.USER, user),
    ("GET", "/_ping"): Route(Endpoint.PING, ping, is_inference=True),
    ("GET", "/models"): Route(Endpoint.MODELS, models, is_inference=True),
    ("POST", "/chat/completions"): Route(Endpoint.CHAT, chat, True, decode_chat),
    ("POST", "/responses"): Route(Endpoint.RESPONSES, responses, True, decode_responses),
    ("POST", "/v1/messages"): Route(Endpoint.MESSAGES, messages, True, decode_messages),
    ("POST", "/embeddings"): Route(Endpoint.EMBEDDINGS, embeddings, True, decode_embeddings),
}
ONE_MODEL = Route(Endpoint.MODEL, model, is_inference=True)
INSTALLATION = Route(Endpoint.INSTALLATION, installation)
NOWHERE = Route(Endpoint.UNKNOWN, nowhere)
MODEL_PREFIX = "/models/"


def find_route(method: str, path: str, is_main: bool) -> Route:
    """The row for a path; the listeners of single plans have the inference rows only."""
    route = ROUTES.get((method, path))
    if route is None and method == "GET" and path.startswith(MODEL_PREFIX):
        route = ONE_MODEL
    if route is None and method == "POST" and INSTALLATION_PATH.fullmatch(path):
        route = INSTALLATION
    if route is None or not (is_main or route.is_inference):
        return NOWHERE
    return route
