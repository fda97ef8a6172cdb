"""The ids of a request: ours, on every answer, and the caller's own beside it (design §7)."""

from gateway.domain.headers import is_request_id
from gateway.ports.exchange import Exchange
from gateway.web.headers import Headers

REQUEST_ID_HEADER = "x-request-id"
CALLER_REQUEST_ID_HEADER = "x-caller-request-id"


def caller_request_id(headers: Headers) -> str:
    """The caller's own id for the request; empty without one that may be kept."""
    own = headers.get(REQUEST_ID_HEADER)
    return own if own is not None and is_request_id(own) else ""


def id_headers(exchange: Exchange) -> dict[str, str]:
    """The headers that name a request."""
    own = exchange.caller_request_id
    if own:
        return {REQUEST_ID_HEADER: exchange.request_id, CALLER_REQUEST_ID_HEADER: own}
    return {REQUEST_ID_HEADER: exchange.request_id}
