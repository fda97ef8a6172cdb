"""The ids of a request: ours, on every answer, and the caller's own beside it (design §7)."""

from aiohttp import web

from gateway.domain.headers import is_request_id
from gateway.ports import Exchange

REQUEST_ID_HEADER = "x-request-id"
CALLER_REQUEST_ID_HEADER = "x-caller-request-id"


def caller_request_id(request: web.BaseRequest) -> str:
    """The caller's own id for the request; empty without one that may be kept."""
    own = request.headers.get(REQUEST_ID_HEADER, "")
    return own if is_request_id(own) else ""


def id_headers(request: web.BaseRequest, exchange: Exchange) -> dict[str, str]:
    """The headers that name a request."""
    own = caller_request_id(request)
    kept = {CALLER_REQUEST_ID_HEADER: own} if own else {}
    return {REQUEST_ID_HEADER: exchange.request_id, **kept}
