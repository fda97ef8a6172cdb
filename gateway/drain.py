"""The order in which the gateway stops serving, so that nothing that was begun is lost.

Opens and closes no part but the callers' server: what else there is, bootstrap ends.
"""

import asyncio

from gateway.settings.listener import Drain
from gateway.web.context import Context
from gateway.web.lifetimes import Lifetimes
from gateway.web.server import CallersServer

QUIET_SECONDS, LOOK_SECONDS = 1.0, 0.05
"""How long no request must have come before idle connections are closed at the end of a drain."""
LAST_WORDS_SECONDS = 10.0
"""After the drain: for the error events of the streams that are ended, and to callers' sockets."""


async def drain(context: Context, server: CallersServer, bounds: Drain) -> None:
    """From not being ready any more to the last connection's end."""
    # 1. Load balancers look elsewhere from now on, but notice with a delay; until then
    #    requests still come, and each answer says that its connection ends with it.
    context.connections.is_draining = True
    await asyncio.sleep(bounds.grace_seconds)
    # 2. No new connections; answers under way get bounds.stream_seconds, and those that
    #    are not done by then an error of their own.
    loop = asyncio.get_running_loop()
    ending = loop.call_later(bounds.stream_seconds, context.lifetimes.end_all)
    server.stop_listening()
    # 3. An answer that began before the drain has not said that its connection ends with it:
    #    its caller's next request may be on its way on that connection, and is answered too.
    await _quiet(context.lifetimes, loop.time() + bounds.stream_seconds)
    await server.close(bounds.stream_seconds + LAST_WORDS_SECONDS)
    ending.cancel()


async def _quiet(lifetimes: Lifetimes, deadline: float) -> None:
    """Wait until for a while there was no request, at most until then by the loop's clock.

    Without any request now all have been told, and nobody is waited for.
    """
    if not lifetimes.under_way:
        return
    loop = asyncio.get_running_loop()
    quiet_since = loop.time()
    while loop.time() < min(deadline, quiet_since + QUIET_SECONDS):
        await asyncio.sleep(LOOK_SECONDS)
        if lifetimes.under_way:
            quiet_since = loop.time()
