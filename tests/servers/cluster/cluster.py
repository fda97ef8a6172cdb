"""Rendered manifests, run: their workloads as processes, their Services as addresses and names.

NetworkPolicies, disruption budgets and autoscalers are not carried out; what is not done for a
container is said in `sandbox`.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.cluster.api_server import NAME as API_NAME
from tests.servers.cluster.api_server import ApiServer
from tests.servers.cluster.container import TICK_SECONDS
from tests.servers.cluster.environment import service_links
from tests.servers.cluster.manifests import Document, Manifests
from tests.servers.cluster.names import Names
from tests.servers.cluster.node import Node
from tests.servers.cluster.pod import Pod
from tests.servers.cluster.service import Service
from tests.servers.cluster.volumes import Sources, remove
from tests.servers.cluster.workload import Workload

HEADLESS = "None"
Rewritten = Callable[[str, str, bytes], bytes]


class NotRolledOut(Exception):
    """What the manifests describe did not come about; the text says what its pods said."""


class Cluster:
    """The manifests, running as long as the block. `api` is there before it, for its keys and CA.

    secrets: the Secrets that the manifests name and do not have, by name.
    rewritten: ConfigMap, file, content → what pods get instead (the test's substitutions).
    outside: further names and where they lead. programs: what is not this project's, by name.
    pace: divides the pauses of probes and preStop. lag: of endpoints, in seconds.
    """

    def __init__(
        self,
        manifests: Manifests,
        directory: Path,
        *,
        secrets: Mapping[str, Mapping[str, bytes]],
        rewritten: Rewritten,
        programs: Mapping[str, Path],
        api: ApiServer,
        outside: Mapping[str, str] | None = None,
        pace: float = 1,
        lag: float = 1,
    ) -> None:
        self.manifests = manifests
        self.workloads: dict[str, Workload] = {}
        self.services: dict[str, Service] = {}
        self.node: Node
        self._directory = directory
        self._api = api
        self._programs = programs
        self._outside = outside or {}
        self._pace, self._lag = pace, lag
        self._sources = Sources(manifests, secrets, api.token, rewritten, api.ca)
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if error is None or isinstance(error, asyncio.CancelledError):
            return await self._stack.__aexit__(kind, error, trace)
        # What went wrong in the block is told as it is, and not as one of a group.
        await self._stack.aclose()
        return None

    def url(self, service: str, port: str) -> str:
        """Where a Service with an address of its own is reached."""
        return self.services[service].balancers[port].url

    def pods(self, workload: str) -> list[Pod]:
        """Those of a workload that nobody told to end."""
        return self.workloads[workload].current

    async def until_rolled_out(self, seconds: float) -> float:
        """Wait until every workload is what its manifest says. Raises NotRolledOut.

        Returns how long it took.
        """
        began = time.monotonic()
        while not all(each.is_rolled_out for each in self.workloads.values()):
            broken = [pod for pod in self.node.pods if pod.is_hopeless]
            if broken or time.monotonic() > began + seconds:
                raise NotRolledOut(self._story(broken))
            await asyncio.sleep(TICK_SECONDS)
        # What is ready is not known everywhere yet.
        await asyncio.sleep(self._lag + 2 * TICK_SECONDS)
        return time.monotonic() - began

    def _story(self, broken: list[Pod]) -> str:
        waited_for = [each for each in self.workloads.values() if not each.is_rolled_out]
        pods = broken or [
            pod for each in waited_for for pod in each.pods if not pod.is_ready or pod.is_ending
        ]
        names = ", ".join(each.name for each in waited_for)
        return "\n".join([f"not rolled out: {names}", *(pod.story() for pod in pods)])

    async def _open(self) -> None:
        self._stack.callback(remove, self._directory / "pods")
        names = self._stack.enter_context(Names())
        (self._directory / "pods").mkdir(parents=True)
        api_address = f"{names.network}.0.2"
        await self._stack.enter_async_context(self._api.serving(api_address, self._directory))
        names.lead(f"{API_NAME}.cluster.local", api_address)
        for name, address in self._outside.items():
            names.lead(name, address)
        await self._serve(names)
        await self._stack.enter_async_context(self._group)
        self.node = Node(
            self._directory / "pods",
            self.manifests.namespace,
            names,
            self._sources,
            self._pace,
            self._programs,
            lambda: service_links(self._linked()),
            self._start,
        )
        self._stack.push_async_callback(self._end)
        for service in self.services.values():
            name = f"{service.name}.{self.manifests.namespace}.svc.cluster.local"
            self._start(service.follow(lambda: self.node.pods, names, name))
        for document in self.manifests.workloads:
            self._begin(document)

    async def _serve(self, names: Names) -> None:
        for number, document in enumerate(self.manifests.of("Service"), start=1):
            headless = document["spec"].get("clusterIP") == HEADLESS
            address = None if headless else f"{names.network}.2.{number}"
            service = Service(document, address, self._lag)
            for server in await service.listen():
                self._stack.callback(server.close)
            self.services[service.name] = service

    def _begin(self, document: Document) -> None:
        workload = Workload(
            document,
            lambda template, digest: self.node.make(document, template, digest),
            lambda pod: self.node.end(pod),
        )
        self.workloads[workload.name] = workload
        self._start(workload.control())

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.append(self._group.create_task(work))

    def _linked(self) -> Iterator[tuple[str, str, Document]]:
        for service in self.services.values():
            if service.address is not None:
                yield service.name, service.address, service.document

    async def _end(self) -> None:
        """End everything at once: what an orderly end looks like, a rolling update has shown."""
        for task in self._tasks:
            task.cancel()
        self.node.close()
