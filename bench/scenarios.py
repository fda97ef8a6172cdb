"""What is measured in rounds: a table. What is measured once is in bench/memory.py."""

from dataclasses import dataclass

ALL = ("gateway", "nginx", "caddy", "naive")
LIMIT = ("gateway", "nginx")
TLS = ("gateway-tls", "nginx-tls")
KILOBYTE = 1000


@dataclass(frozen=True, slots=True)
class Scenario:
    """Rounds of one load on several proxies in turns.

    unit: what CPU time is divided by. model: how upstream paces the stream. saturates: a round
    counts only if it kept the proxy's core busy; the others are such that none would.
    """

    name: str
    title: str
    proxies: tuple[str, ...]
    unit: str = "request"
    protocol: str = "chat"
    model: str = "fast"
    stream: bool = False
    body_bytes: int = 0
    connections: int = 32
    saturates: bool = True


def _fast(name: str, title: str, proxies: tuple[str, ...], protocol: str) -> Scenario:
    return Scenario(
        name, title, proxies, "chunk", protocol, "fast", True, connections=32, saturates=False
    )


def _paced(name: str, title: str, proxies: tuple[str, ...], protocol: str) -> Scenario:
    return Scenario(
        name, title, proxies, "chunk", protocol, "paced", True, connections=100, saturates=False
    )


SCENARIOS = (
    Scenario("whole", "whole answers, 600 bytes, 32 at a time", (*ALL, "gateway-valkey")),
    Scenario("latency", "whole answers, one at a time", (*ALL, "gateway-valkey"), connections=1,
             saturates=False),
    _fast("fast", "full-speed stream, chat", ALL, "chat"),
    _fast("fast-messages", "full-speed stream, Messages", LIMIT, "messages"),
    _fast("fast-responses", "full-speed stream, Responses", LIMIT, "responses"),
    _paced("paced", "paced stream (10 ms), chat", ALL, "chat"),
    _paced("paced-messages", "paced stream (10 ms), Messages", LIMIT, "messages"),
    _paced("paced-responses", "paced stream (10 ms), Responses", LIMIT, "responses"),
    Scenario("body-100k", "request bodies of 100 KB", ALL, body_bytes=100 * KILOBYTE,
             connections=8, saturates=False),
    Scenario("body-1m", "request bodies of 1 MB", ALL, body_bytes=1000 * KILOBYTE,
             connections=8, saturates=False),
    Scenario("whole-tls", "whole answers, TLS upstream", TLS),
    _fast("fast-tls", "full-speed stream, TLS upstream", TLS, "chat"),
    _paced("paced-tls", "paced stream (10 ms), TLS upstream", TLS, "chat"),
    Scenario("many", "whole answers, 5,000 accounts and 50,000 keys configured",
             ("gateway", "gateway-groups", "gateway-many")),
)  # fmt: skip
