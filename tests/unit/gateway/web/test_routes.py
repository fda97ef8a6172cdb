"""The route table."""

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.web.routes import find_route


@pytest.mark.parametrize(
    ("method", "path", "name", "platform"),
    [
        ("POST", "/v1/chat/completions", "/v1/chat/completions", None),
        ("POST", "/copilot/v1/chat/completions", "/copilot/v1/chat/completions", "copilot"),
        ("GET", "/v1/models", "/v1/models", None),
        ("HEAD", "/v1/models", "/v1/models", None),
        ("POST", "/v1/responses", "/v1/responses", None),
        ("POST", "/v1/messages", "/v1/messages", None),
        ("POST", "/v1/messages/count_tokens", "/v1/messages/count_tokens", None),
        ("POST", "/copilot/v1/embeddings", "/copilot/v1/embeddings", "copilot"),
        ("GET", "/copilot/v1/models/gpt-4o", "/copilot/v1/models/{id}", "copilot"),
        ("GET", "/v1/models/vendor/with/slashes", "/v1/models/{id}", None),
    ],
)
def test_a_known_path_has_a_closed_name(
    method: str, path: str, name: str, platform: str | None
) -> None:
    route = find_route(method, path)
    assert (route.name, route.platform) == (name, platform)


@pytest.mark.parametrize(
    ("method", "path", "fault"),
    [
        ("GET", "/v1/chat/completions", Fault.CALLER_METHOD_NOT_ALLOWED),
        ("POST", "/v1/models", Fault.CALLER_METHOD_NOT_ALLOWED),
        ("GET", "/copilot/v1/responses/resp_1", Fault.CALLER_ENDPOINT_UNSUPPORTED),
        ("GET", "/", Fault.CALLER_PATH_UNKNOWN),
        ("GET", "/v1/models/", Fault.CALLER_PATH_UNKNOWN),
        ("POST", "/chat/completions", Fault.CALLER_PATH_UNKNOWN),
    ],
)
def test_anything_else_is_refused_by_name(method: str, path: str, fault: Fault) -> None:
    with pytest.raises(GatewayError) as caught:
        find_route(method, path)
    assert caught.value.fault is fault
