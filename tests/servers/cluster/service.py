"""A Service: which pods it leads to at this moment, by name or through an address of its own."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.servers.balancer import Balancer, Endpoint
from tests.servers.cluster.container import TICK_SECONDS
from tests.servers.cluster.manifests import Document, port_number, selects
from tests.servers.cluster.names import Names
from tests.servers.cluster.pod import Pod

Pods = Callable[[], Iterable[Pod]]


@dataclass(eq=False)
class Service:
    """lag: how long it takes until what became of a pod is known everywhere.

    address: its clusterIP; None for a headless one, whose name leads to the pods.
    """

    document: Document
    address: str | None
    lag: float
    balancers: dict[str, Balancer] = field(default_factory=dict)
    """By port names; one without a name is ''."""
    _known: frozenset[Pod] = frozenset()
    _coming: deque[tuple[float, frozenset[Pod]]] = field(default_factory=deque)
    _endpoints: dict[tuple[str, Pod], Endpoint] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in the namespace."""
        return str(self.document["metadata"]["name"])

    async def listen(self) -> list[asyncio.Server]:
        """Listen on its address, as kube-proxy makes every node do."""
        servers = []
        for port in self.document["spec"]["ports"] if self.address else ():
            balancer = Balancer(TICK_SECONDS)
            servers.append(
                await asyncio.start_server(balancer.handle, self.address, int(port["port"]))
            )
            balancer.url = f"http://{self.address}:{port['port']}"
            self.balancers[port.get("name", "")] = balancer
        return servers

    async def follow(self, pods: Pods, names: Names, full_name: str) -> None:
        """Keep where it leads in step with the pods, late. Ends by being cancelled."""
        names.lead(full_name, *([self.address] if self.address else []))
        while True:
            self._look(pods())
            while self._coming and self._coming[0][0] <= time.monotonic():
                self._known = self._coming.popleft()[1]
                self._apply()
                if self.address is None:
                    names.lead(full_name, *(pod.facts.ip for pod in self._known))
            await asyncio.sleep(TICK_SECONDS)

    def knows(self, pod: Pod) -> bool:
        """Whether it leads to this pod, among others."""
        return pod in self._known

    def _look(self, pods: Iterable[Pod]) -> None:
        last = self._coming[-1][1] if self._coming else self._known
        found = frozenset(pod for pod in pods if self._is_endpoint(pod))
        if found != last:
            self._coming.append((time.monotonic() + self.lag, found))

    def _is_endpoint(self, pod: Pod) -> bool:
        spec = self.document["spec"]
        if not selects(spec.get("selector", {}), pod.template["metadata"]["labels"]):
            return False
        return bool(spec.get("publishNotReadyAddresses")) or (pod.is_ready and not pod.is_ending)

    def _apply(self) -> None:
        for port in self.document["spec"]["ports"] if self.address else ():
            name = port.get("name", "")
            balancer = self.balancers[name]
            for pod in [pod for each, pod in self._endpoints if each == name]:
                if pod not in self._known:
                    balancer.remove(self._endpoints.pop((name, pod)))
            for pod in self._known:
                if (name, pod) not in self._endpoints:
                    target = port.get("targetPort", port["port"])
                    number = port_number(target, pod.spec["containers"])
                    endpoint = Endpoint(pod.facts.ip, number, "", is_ready=True)
                    balancer.endpoints.append(endpoint)
                    self._endpoints[name, pod] = endpoint
