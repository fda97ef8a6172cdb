"""One pod's life as a kubelet leads it: start, probes, restarts, and an end in order."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.cluster.container import TICK_SECONDS, Container
from tests.servers.cluster.environment import Facts
from tests.servers.cluster.manifests import Document, ManifestError, port_number
from tests.servers.cluster.probes import Opinion, Probe, read_probe

RESTART_SECONDS = 10.0
MOST_RESTARTS = 5
GRACE_SECONDS = 30
STARTUP, LIVENESS, READINESS = "startupProbe", "livenessProbe", "readinessProbe"


@dataclass(eq=False)
class Pod:
    """A pod and its containers, which were made and not yet started.

    pace: divides the pauses of probes, of preStop and before restarts; 1 is the manifest's own.
    """

    facts: Facts
    template: Document
    hash: str
    first: list[Container]
    """Those that run to their end before the others, one after the other."""
    containers: list[Container]
    pace: float
    is_ending: bool = False
    has_ended: bool = False
    was_killed: bool = False
    """Whether it was still there when its grace was over."""
    restarts: int = 0
    problem: str = ""
    """Why it can never run."""
    ready_since: float | None = None
    took_to_end: float = 0.0

    @property
    def spec(self) -> Document:
        """The pod's spec."""
        spec: Document = self.template["spec"]
        return spec

    @property
    def is_ready(self) -> bool:
        """Whether all its containers are."""
        return bool(self.containers) and all(each.is_ready for each in self.containers)

    @property
    def is_hopeless(self) -> bool:
        """Whether nobody need wait for it any longer."""
        return bool(self.problem) or self.restarts > MOST_RESTARTS

    def is_available(self, seconds: float) -> bool:
        """Whether it has been ready for that long."""
        return self.ready_since is not None and time.monotonic() >= self.ready_since + seconds

    @property
    def _grace(self) -> float:
        return float(self.spec.get("terminationGracePeriodSeconds", GRACE_SECONDS))

    async def live(self) -> None:
        """Run until it is told to end and has ended."""
        try:
            for container in self.first:
                await self._prepare(container)
            probes = [self._read(*both) for both in self._both]
            async with asyncio.TaskGroup() as tasks:
                kept = [
                    tasks.create_task(self._keep(container, asked))
                    for container, asked in zip(self.containers, probes, strict=True)
                ]
                watching = tasks.create_task(self._watch_readiness())
                await asyncio.wait(kept)
                watching.cancel()
        except ManifestError as error:
            self.problem = str(error)
        finally:
            for container in (*self.first, *self.containers):
                container.kill()
            self.ready_since = None

    async def end(self) -> None:
        """preStop, SIGTERM, and SIGKILL when the grace that began with preStop is over."""
        self.is_ending = True
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for container, spec in self._both:
                tasks.create_task(self._end(container, spec, began + self._grace))
        self.took_to_end = time.monotonic() - began
        self.has_ended = True

    def vanish(self) -> None:
        """Be gone at once, as with a node that died or `kubectl delete --force`."""
        self.is_ending = self.has_ended = True
        for container in self.containers:
            container.kill()

    async def metric(self, port: str, name: str, **labels: str) -> float:
        """The sum of a metric's series with these labels, 0 for none, from a scrape of the port."""
        address = f"http://{self.facts.ip}:{port_number(port, self.spec['containers'])}/metrics"
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(address)).text
        samples = [each for f in text_string_to_metric_families(text) for each in f.samples]
        found = [s for s in samples if s.name == name and labels.items() <= s.labels.items()]
        return sum(each.value for each in found)

    def story(self) -> str:
        """What is known of it, for whoever waits in vain."""
        lines = [f"pod {self.facts.name}: ready {self.is_ready}, restarts {self.restarts}"]
        lines += [self.problem] if self.problem else []
        for each in (*self.first, *self.containers):
            lines += [f"container {each.name}: {each.complaint or 'no complaint'}", each.output()]
        return "\n".join(lines)

    async def _prepare(self, container: Container) -> None:
        container.start()
        while await container.ended() != 0:
            self.restarts += 1
            await asyncio.sleep(RESTART_SECONDS / self.pace)
            container.start()

    @property
    def _both(self) -> list[tuple[Container, Document]]:
        """Each container and its part of the manifest."""
        return list(zip(self.containers, self.spec["containers"], strict=True))

    async def _keep(self, container: Container, probes: Mapping[str, Probe]) -> None:
        """Start it, again and again, with its probes."""
        while not self.is_ending:
            container.start()
            async with asyncio.TaskGroup() as tasks:
                probing = tasks.create_task(self._probe(container, probes))
                await container.ended()
                probing.cancel()
            if not self.is_ending:
                self.restarts += 1
                await asyncio.sleep(RESTART_SECONDS / self.pace)

    async def _probe(self, container: Container, probes: Mapping[str, Probe]) -> None:
        if STARTUP in probes and not await self._start_up(container, probes[STARTUP]):
            return
        async with asyncio.TaskGroup() as tasks:
            if LIVENESS in probes:
                tasks.create_task(self._live_on(container, probes[LIVENESS]))
            if READINESS in probes:
                tasks.create_task(self._judge(container, probes[READINESS]))
            else:
                container.is_ready = True

    def _read(self, container: Container, spec: Document) -> dict[str, Probe]:
        ip, containers = self.facts.ip, self.spec["containers"]
        return {
            kind: read_probe(spec[kind], ip, containers, container.run, self.pace)
            for kind in (STARTUP, LIVENESS, READINESS)
            if kind in spec
        }

    async def _start_up(self, container: Container, probe: Probe) -> bool:
        """Whether it has started; a container that has not in time is ended."""
        await asyncio.sleep(probe.delay)
        for _ in range(probe.failures):
            if await self._asked(container, probe):
                return True
            await asyncio.sleep(probe.period)
        container.signal(signal.SIGKILL)
        return False

    async def _live_on(self, container: Container, probe: Probe) -> None:
        opinion = Opinion(probe.failures, 1, True)
        await asyncio.sleep(probe.delay)
        # A pod that is to end is not restarted any more.
        while not self.is_ending:
            if opinion.hear(await self._asked(container, probe)) and not opinion.is_good:
                container.signal(signal.SIGTERM)
                await asyncio.sleep(self._grace)
                container.signal(signal.SIGKILL)
                return
            await asyncio.sleep(probe.period)

    async def _judge(self, container: Container, probe: Probe) -> None:
        opinion = Opinion(probe.failures, probe.successes, False)
        await asyncio.sleep(probe.delay)
        while True:
            opinion.hear(await self._asked(container, probe))
            container.is_ready = opinion.is_good and container.is_alive
            await asyncio.sleep(probe.period)

    async def _asked(self, container: Container, probe: Probe) -> bool:
        wrong = await probe.once()
        if wrong:
            container.complaint = wrong
        return not wrong

    async def _watch_readiness(self) -> None:
        while True:
            if not self.is_ready or self.is_ending:
                self.ready_since = None
            elif self.ready_since is None:
                self.ready_since = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)

    async def _end(self, container: Container, spec: Document, deadline: float) -> None:
        hook = spec.get("lifecycle", {}).get("preStop")
        if hook is not None and container.is_alive:
            await _bounded(self._hook(hook, container), deadline)
        container.signal(signal.SIGTERM)
        while container.is_alive and time.monotonic() < deadline:
            await asyncio.sleep(TICK_SECONDS)
        if container.is_alive:
            self.was_killed = True
            container.kill()

    async def _hook(self, hook: Document, container: Container) -> None:
        if "sleep" in hook:
            await asyncio.sleep(hook["sleep"]["seconds"] / self.pace)
        elif "exec" in hook:
            await container.run([str(word) for word in hook["exec"]["command"]])
        else:
            raise ManifestError(f"a preStop that is not known here: {sorted(hook)}")


async def _bounded(work: Awaitable[None], deadline: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            await work
    except TimeoutError:
        pass
