"""A proxy as one writes it in an afternoon with aiohttp: what the gateway is compared with.

It passes everything on as it is, looks at nothing and counts nothing.

    python -m bench.references.naive_proxy PORT UPSTREAM-URL
"""

import sys
from collections.abc import AsyncIterator

import aiohttp
import uvloop
from aiohttp import web

HOP_BY_HOP = {"connection", "host", "content-length", "transfer-encoding", "keep-alive"}
SESSION = web.AppKey("session", aiohttp.ClientSession)


async def forward(request: web.Request) -> web.StreamResponse:
    """Send a request on and the answer back."""
    headers = {
        name: each for name, each in request.headers.items() if name.lower() not in HOP_BY_HOP
    }
    url = request.app["upstream"] + request.path_qs
    body = await request.read()
    session = request.app[SESSION]
    async with session.request(request.method, url, headers=headers, data=body) as answer:
        if "event-stream" not in answer.headers.get("Content-Type", ""):
            whole = await answer.read()
            kind = answer.headers.get("Content-Type", "")
            return web.Response(status=answer.status, body=whole, headers={"Content-Type": kind})
        response = web.StreamResponse(status=answer.status)
        response.headers["Content-Type"] = answer.headers["Content-Type"]
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


async def session_of(app: web.Application) -> AsyncIterator[None]:
    """One session for all requests."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        app[SESSION] = session
        yield


def main(port: int, upstream: str) -> None:
    """Serve until ended."""
    app = web.Application(client_max_size=1 << 30)
    app["upstream"] = upstream
    app.cleanup_ctx.append(session_of)
    app.router.add_route("*", "/{path:.*}", forward)
    loop = uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
