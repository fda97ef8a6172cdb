"""The ids of a request: ours, on every answer, and the caller's own beside it (design §7)."""

from aiohttp import web

from gateway.domain.headers import is_request_id
from gateway.ports import Exchange

REQUEST_ID_HEADER = "x-request-id"
CALLER_REQUEST_ID_HEADER = "x-caller-request-id"


def id_headers(request: web.BaseRequest, exchange: Exchange) -> dict[str, str]:
    """The headers that name a request."""
    own = request.headers.get(REQUEST_ID_HEADER, "")
    kept = {CALLER_REQUEST_ID_HEADER: own} if is_request_id(own) else {}
    return {REQUEST_ID_HEADER: exchange.request_id, **kept}
