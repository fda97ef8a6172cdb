"""Passes an answer on as it arrives.

The bytes are not touched. The caller's pace is upstream's pace: a write waits until the caller
takes it, and nothing is read meanwhile.
"""

from aiohttp import web

from gateway.domain import headers
from gateway.domain.errors import GatewayError
from gateway.ports import Clock, Exchange, UpstreamReply
from gateway.web.problems import error_event

STREAM_HEADERS = {
    "Cache-Control": "no-cache",
    # nginx-like proxies in between would gather the events otherwise.
    "X-Accel-Buffering": "no",
}


async def pass_on(
    request: web.BaseRequest, reply: UpstreamReply, exchange: Exchange, clock: Clock
) -> web.StreamResponse:
    """Write the answer's bytes as they come.

    An upstream that breaks off leaves the caller with an error event and a connection that ends
    before the body's own end: never with a stream that looks complete.
    """
    response = web.StreamResponse(
        status=200, headers={**headers.for_caller(reply.headers), **STREAM_HEADERS}
    )
    response.headers["x-request-id"] = exchange.request_id
    exchange.status = 200
    exchange.stream_end = "client_gone"
    await response.prepare(request)
    try:
        async for chunk in reply.chunks():
            if exchange.first_byte_seconds is None:
                exchange.first_byte_seconds = clock.monotonic() - exchange.started
            await response.write(chunk)
            exchange.answer_bytes += len(chunk)
    except GatewayError as error:
        await _break_off(request, response, exchange, error)
        return response
    await response.write_eof()
    exchange.stream_end = "complete"
    return response


async def _break_off(
    request: web.BaseRequest, response: web.StreamResponse, exchange: Exchange, error: GatewayError
) -> None:
    exchange.stream_end = error.fault.value
    exchange.fault = error.fault.value
    await response.write(error_event(error))
    if request.transport is not None:
        # Closing flushes what was written, and leaves out the chunk that ends the body.
        request.transport.close()
