"""A container's probes: how the kubelet asks, and after how many answers it believes them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.servers.cluster.manifests import Document, ManifestError, port_number

Ask = Callable[[], Awaitable[str]]
"""Asks once: an empty text for yes, else what was wrong."""
Exec = Callable[[list[str]], Awaitable[str]]
"""Runs a command in the container; likewise."""


@dataclass(frozen=True)
class Probe:
    """One probe as a manifest has it; times in seconds."""

    ask: Ask
    delay: float = 0
    period: float = 10
    timeout: float = 1
    failures: int = 3
    successes: int = 1

    async def once(self) -> str:
        """Asks; whatever takes too long or cannot be reached is a no."""
        try:
            async with asyncio.timeout(self.timeout):
                return await self.ask()
        except TimeoutError:
            return f"no answer in {self.timeout:g} s"
        except OSError as error:
            return f"{type(error).__name__}: {error}"


@dataclass
class Opinion:
    """What the kubelet thinks of a container, from a probe's answers in a row."""

    failures: int
    successes: int
    is_good: bool
    _row: int = 0

    def hear(self, answer: bool) -> bool:
        """One more answer; whether the opinion has changed."""
        if answer == self.is_good:
            self._row = 0
            return False
        self._row += 1
        if self._row < (self.successes if answer else self.failures):
            return False
        self.is_good, self._row = answer, 0
        return True


def read_probe(
    probe: Document, ip: str, containers: Iterable[Document], run: Exec, pace: float
) -> Probe:
    """A probe of a manifest for the pod with this address. pace divides its delay and period."""
    return Probe(
        _asking(probe, ip, list(containers), run),
        float(probe.get("initialDelaySeconds", 0)) / pace,
        float(probe.get("periodSeconds", 10)) / pace,
        float(probe.get("timeoutSeconds", 1)),
        int(probe.get("failureThreshold", 3)),
        int(probe.get("successThreshold", 1)),
    )


def _asking(probe: Document, ip: str, containers: list[Document], run: Exec) -> Ask:
    if "httpGet" in probe:
        how = probe["httpGet"]
        if how.get("scheme", "HTTP") != "HTTP" or "host" in how:
            raise ManifestError("probes over HTTPS or of another host are not known here")
        port = port_number(how["port"], containers)
        return lambda: _get(ip, port, str(how.get("path", "/")))
    if "tcpSocket" in probe:
        port = port_number(probe["tcpSocket"]["port"], containers)
        return lambda: _connect(ip, port)
    if "exec" in probe:
        command = [str(word) for word in probe["exec"]["command"]]
        return lambda: run(command)
    raise ManifestError(f"a probe of a kind that is not known here: {sorted(probe)}")


async def _get(host: str, port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        words: list[Any] = (await reader.readline()).split(b" ")
        status = int(words[1]) if len(words) > 1 else 0
        return "" if 200 <= status < 400 else f"{path} of port {port} answered {status}"
    finally:
        writer.close()


async def _connect(host: str, port: int) -> str:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    return ""
