"""Reads a request body up to a limit, in bounded time."""

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import PayloadEncodingError

from gateway.domain.errors import Fault, GatewayError

READ_SECONDS = 120.0
"""Enough for 32 MiB over a slow line; a caller that sends nothing is not waited for longer."""


async def read_body(request: web.BaseRequest, limit: int) -> bytes:
    """The whole body, decompressed. Raises GatewayError when it is too long or too slow.

    A length that is announced as too long is refused before anything is read.
    """
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit)
    if request.headers.get("expect", "").lower() == "100-continue":
        await _invite(request)
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise too_large(limit)
    except TimeoutError:
        raise GatewayError(
            Fault.CALLER_BODY_TIMEOUT, f"The body did not arrive within {READ_SECONDS:g} s."
        ) from None
    except (web.RequestPayloadError, PayloadEncodingError):
        raise GatewayError(
            Fault.CALLER_BODY_INVALID, "The body is not encoded as its headers say."
        ) from None
    return bytes(body)


def too_large(limit: int) -> GatewayError:
    """The refusal of a body over the limit."""
    return GatewayError(Fault.CALLER_BODY_TOO_LARGE, f"The body is larger than {limit} bytes.")


async def _invite(request: web.BaseRequest) -> None:
    """Tell a caller that waits for it to go on; aiohttp's low-level server leaves that to us."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
