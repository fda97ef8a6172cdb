"""A scripted upstream behind TLS, with a certificate of a private authority."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.servers.certificates import Pair
from tests.servers.mounted import mount
from tests.servers.raw_upstream import RawUpstream


@asynccontextmanager
async def playing_tls(
    upstream: RawUpstream, pair: Pair, host: str, directory: Path
) -> AsyncIterator[RawUpstream]:
    """Serve on loopback; its URL names `host`. directory: for the certificate and its key."""
    files = mount(directory, cert=pair.cert, key=pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["cert"], files["key"])
    server = await asyncio.start_server(upstream.handle, "127.0.0.1", 0, ssl=context)
    upstream.url = f"https://{host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()
