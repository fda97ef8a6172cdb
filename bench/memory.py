"""What memory a proxy takes: for each stream under way, for a reader that stops, and after a while.

Counted is RssAnon, so what the kernel holds in sockets is not in it, for nobody.
"""

import time
from dataclasses import dataclass
from typing import Any

from bench.bodies import written
from bench.load import Load, WrongAnswers, finish, run, start
from bench.processes import resident_bytes, settle
from bench.proxies import Proxy, Stage

KIB = 1024
STREAMS = 1000
STOPPED = 20
STOP_BYTES = 65_536
HANG_UP_AFTER = 3
HELD = ("gateway", "gateway-tls", "nginx")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it."""

    requests: int
    cancelled: int
    hold_seconds: float


FULL = Size(requests=200_000, cancelled=20_000, hold_seconds=20.0)
QUICK = Size(requests=4_000, cancelled=1_000, hold_seconds=9.0)


def slow_streams(stage: Stage, size: Size) -> dict[str, dict[str, Any]]:
    """KiB for each of a thousand streams with an event a second."""
    request = written(stage.directory, "chat", "slow", True)
    hold = size.hold_seconds
    options = {"hold": hold, "seconds": hold, "spread": hold / 3, "cancel": 1_000_000}
    load = Load(request, STREAMS, options)
    return {name: _held(stage, name, load) for name in HELD}


def stopped_readers(stage: Stage, size: Size) -> dict[str, dict[str, Any]]:
    """KiB for each caller who reads no more, of a stream that comes as fast as it can."""
    request = written(stage.directory, "chat", "flood", True)
    hold = size.hold_seconds
    load = Load(request, STOPPED, {"hold": hold, "seconds": hold, "stop": STOP_BYTES})
    return {name: _held(stage, name, load) for name in HELD}


def growth(stage: Stage, size: Size) -> dict[str, dict[str, Any]]:
    """Memory after a tenth of the requests and at their end."""
    request = written(stage.directory, "chat", "fast", False)
    return {"gateway": _grown(stage.proxy("gateway"), request, 32, size.requests, {})}


def cancelled(stage: Stage, size: Size) -> dict[str, dict[str, Any]]:
    """The same for streams whose callers hang up in the middle."""
    request = written(stage.directory, "chat", "paced", True)
    options: dict[str, float] = {"cancel": HANG_UP_AFTER}
    return {"gateway": _grown(stage.proxy("gateway"), request, 100, size.cancelled, options)}


def _held(stage: Stage, name: str, load: Load) -> dict[str, Any]:
    proxy = stage.proxy(name)
    warm = written(stage.directory, "chat", "fast", True)
    run(proxy.port, Load(warm, 32, {"seconds": 1, "chunks": 100}))
    settle(proxy.pid)
    before = resident_bytes(proxy.pid)
    process = start(proxy.port, load)
    time.sleep(load.options["hold"] - 1)
    after = resident_bytes(proxy.pid)
    said = finish(process, may_break_off=True)
    settle(proxy.pid)
    if said["streaming"] != load.connections:
        raise WrongAnswers(f"{said['streaming']} of {load.connections} streams were under way")
    return {
        "kib": round((after - before) / load.connections / KIB, 2),
        "streams": load.connections,
        "rss_before_kib": before // KIB,
    }


def _grown(
    proxy: Proxy, request: Any, connections: int, requests: int, options: dict[str, float]
) -> dict[str, Any]:
    def after(number: int) -> int:
        run(proxy.port, Load(request, connections, {**options, "requests": number}))
        settle(proxy.pid)
        return resident_bytes(proxy.pid)

    tenth = after(requests // 10)
    whole = after(requests - requests // 10)
    return {
        "growth": round(whole / tenth, 4),
        "requests": requests,
        "rss_tenth_kib": tenth // KIB,
        "rss_end_kib": whole // KIB,
    }
