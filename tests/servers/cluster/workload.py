"""A Deployment's or StatefulSet's controller: pods of the current template, as many as it says."""

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from tests.servers.cluster.container import TICK_SECONDS
from tests.servers.cluster.manifests import Document, template_hash
from tests.servers.cluster.pod import Pod
from tests.servers.cluster.rollout import Pods, Strategy, step, strategy

Make = Callable[[Document, str], Pod]
"""Makes a pod of a template with this hash and starts it."""
End = Callable[[Pod], None]
"""Tells a pod to end."""


class Workload:
    """make and end are the node's. minReadySeconds is waited for."""

    def __init__(self, document: Document, make: Make, end: End) -> None:
        self.document = document
        self.name = str(document["metadata"]["name"])
        self.template: dict[str, Any] = copy.deepcopy(dict(document["spec"]["template"]))
        self.replicas = int(document["spec"].get("replicas", 1))
        self.pods: list[Pod] = []
        """All there ever were."""
        self.most = self.least = self.replicas
        """How many were there, and available, at most and at least since `begin_counting`."""
        self._counts = False
        self._make, self._end = make, end
        self._strategy = self._how()

    @property
    def current(self) -> list[Pod]:
        """Those that nobody told to end."""
        return [pod for pod in self.pods if not pod.is_ending]

    @property
    def is_rolled_out(self) -> bool:
        """Whether all pods are of this template and available, and no other is left."""
        new = [pod for pod in self.current if pod.hash == self._hash]
        left = [pod for pod in self.pods if not pod.has_ended]
        return len(new) == len(left) == self.replicas == len(self._available(new))

    def restart(self, mark: str) -> None:
        """What `kubectl rollout restart` does: a changed annotation of the template."""
        metadata = self.template.setdefault("metadata", {})
        annotations = dict(metadata.get("annotations") or {})
        metadata["annotations"] = {**annotations, "kubectl.kubernetes.io/restartedAt": mark}

    def begin_counting(self) -> None:
        """From now on `most` and `least` say what was seen."""
        self.most = self.least = self.replicas
        self._counts = True

    async def control(self) -> None:
        """Make and end pods. Ends by being cancelled."""
        while True:
            self._count()
            self._step()
            await asyncio.sleep(TICK_SECONDS)

    @property
    def _hash(self) -> str:
        return template_hash(self.template)

    def _how(self) -> Strategy:
        if self.document["kind"] == "StatefulSet":
            # One after the other, and nothing beside it: its volume is not for two.
            return Strategy(0, 1)
        return strategy(self.document, self.replicas)

    def _step(self) -> None:
        new = [pod for pod in self.current if pod.hash == self._hash]
        old = [pod for pod in self.current if pod.hash != self._hash]
        now = step(self.replicas, self._counted(new), self._counted(old), self._strategy)
        serving = self._available(old)
        broken = [pod for pod in old if pod not in serving]
        for pod in (*broken[: now.broken], *serving[: now.old], *new[: now.new]):
            self._end(pod)
        for _ in range(now.make if self._may_make else 0):
            self.pods.append(self._make(self.template, self._hash))

    @property
    def _may_make(self) -> bool:
        """A StatefulSet's next pod has the name, and the volumes, of the one that ends."""
        if self.document["kind"] != "StatefulSet":
            return True
        return all(pod.has_ended for pod in self.pods if pod.is_ending)

    def _counted(self, pods: list[Pod]) -> Pods:
        return Pods(len(pods), len(self._available(pods)))

    def _available(self, pods: list[Pod]) -> list[Pod]:
        seconds = float(self.document["spec"].get("minReadySeconds", 0))
        return [pod for pod in pods if pod.is_available(seconds)]

    def _count(self) -> None:
        if self._counts:
            self.most = max(self.most, len(self.current))
            self.least = min(self.least, len(self._available(self.current)))
