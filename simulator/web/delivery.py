"""Carries out a plan on a connection: headers, writes with pauses, and an end, clean or not.

Decides nothing. A caller that leaves cancels the handler, which passes through here.
"""

import asyncio
import socket
import struct

from aiohttp import web

from simulator.faults.plan import Ending, Plan
from simulator.state.ledger import Entry, Outcome

OUTCOMES: dict[Ending, Outcome] = {
    Ending.FINISH: Outcome.FINISHED,
    Ending.CUT: Outcome.CUT,
    Ending.RESET: Outcome.RESET,
}
# Closing with no time to linger is what makes the kernel send RST instead of FIN.
NO_LINGER = struct.pack("ii", 1, 0)


async def deliver(
    request: web.BaseRequest, plan: Plan, entry: Entry
) -> tuple[web.StreamResponse, Outcome]:
    """Do as planned; the response for aiohttp to finish, and how it ended."""
    if plan.delay_seconds > 0:
        await asyncio.sleep(plan.delay_seconds)
    if plan.sends_headers:
        entry.status = plan.status
    if plan.whole is not None:
        entry.writes, entry.bytes_sent = 1, len(plan.whole)
        response = web.Response(status=plan.status, headers=plan.headers, body=plan.whole)
        return response, Outcome.FINISHED
    stream = web.StreamResponse(status=plan.status, headers=plan.headers)
    if plan.sends_headers:
        await _stream(request, stream, plan, entry)
    if plan.ending is not Ending.FINISH:
        _break_off(request, plan.ending)
    return stream, OUTCOMES[plan.ending]


async def _stream(
    request: web.BaseRequest, response: web.StreamResponse, plan: Plan, entry: Entry
) -> None:
    if plan.length is None:
        response.enable_chunked_encoding()
    else:
        response.content_length = plan.length
    await response.prepare(request)
    for number, step in enumerate(plan.steps):
        if step.pause > 0 or number:
            # Also without a pause: a long answer must not keep others from theirs.
            await asyncio.sleep(step.pause)
        if step.data:
            await response.write(step.data)
            entry.writes += 1
            entry.bytes_sent += len(step.data)


def _break_off(request: web.BaseRequest, ending: Ending) -> None:
    transport = request.transport
    if transport is None:
        return
    if ending is Ending.RESET:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        transport.abort()
    else:
        transport.close()
