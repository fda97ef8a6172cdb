"""The one node: gives each pod a name, an address, its volumes and its containers, and keeps it."""

import itertools
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.cluster.container import Container
from tests.servers.cluster.environment import Facts, environment, words
from tests.servers.cluster.manifests import Document, ManifestError
from tests.servers.cluster.names import Names
from tests.servers.cluster.pod import Pod
from tests.servers.cluster.sandbox import Mount, Rights
from tests.servers.cluster.volumes import Holder, Sources, lay_out

API_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
API_TOKEN: Document = {
    "name": "kube-api-access",
    "projected": {
        "sources": [
            {"serviceAccountToken": {"path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt"}},
        ]
    },
}
"""What every pod gets that does not say automountServiceAccountToken: false."""


@dataclass(eq=False)
class Node:
    """programs: those of images that are not this project's, by name. links: Services' variables.
    start: starts a task that ends with the cluster.
    """

    directory: Path
    namespace: str
    names: Names
    sources: Sources
    pace: float
    programs: Mapping[str, Path]
    links: Callable[[], Mapping[str, str]]
    start: Callable[[Coroutine[None, None, None]], None]
    pods: list[Pod] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def make(self, workload: Document, template: Document, digest: str) -> Pod:
        """A pod that lives from now on; one that cannot says why in `problem`."""
        facts = self._facts(workload, template, digest)
        pod = Pod(facts, template, digest, [], [], self.pace)
        try:
            self._equip(pod, workload)
        except ManifestError as error:
            pod.problem = str(error)
        else:
            self.start(pod.live())
        self.pods.append(pod)
        return pod

    def end(self, pod: Pod) -> None:
        """Tell it to end, and let it take its time."""
        pod.is_ending = True
        self.start(pod.end())

    def close(self) -> None:
        """End whatever still runs."""
        for pod in self.pods:
            for container in (*pod.first, *pod.containers):
                container.close()

    def _facts(self, workload: Document, template: Document, digest: str) -> Facts:
        number = next(self._numbers)
        name = f"{workload['metadata']['name']}-{digest}-{number}"
        if workload["kind"] == "StatefulSet":
            taken = {p.facts.name for p in self.pods if not p.has_ended}
            candidates = (f"{workload['metadata']['name']}-{n}" for n in itertools.count())
            name = next(each for each in candidates if each not in taken)
        metadata = template.get("metadata", {})
        return Facts(
            name,
            self.namespace,
            f"{self.names.network}.1.{number}",
            f"{self.names.network}.0.1",
            secrets.token_hex(16),
            template["spec"].get("serviceAccountName", "default"),
            metadata.get("labels", {}),
            metadata.get("annotations") or {},
        )

    def _equip(self, pod: Pod, workload: Document) -> None:
        spec = pod.spec
        directory = self.directory / pod.facts.uid
        directory.mkdir(parents=True)
        volumes = [*spec.get("volumes", ()), *_claimed(workload, pod.facts.name)]
        if self._mounts_api_token(spec):
            volumes.append(API_TOKEN)
        holder = _holder(pod)
        where = {
            each["name"]: lay_out(
                each, directory / "volumes", self.directory / "claims", self.sources, holder
            )
            for each in volumes
        }
        common = self._files_of_the_node(pod, directory)
        for target, key in ((pod.first, "initContainers"), (pod.containers, "containers")):
            for container in spec.get(key, ()):
                mounts = [*common, *_mounts(container, where), *_api_token(where)]
                target.append(self._container(pod, container, mounts, directory))

    def _container(
        self, pod: Pod, spec: Document, mounts: list[Mount], directory: Path
    ) -> Container:
        links = self.links() if pod.spec.get("enableServiceLinks", True) else {}
        values = environment(spec, pod.facts, self.sources, links)
        return Container(
            spec["name"],
            directory,
            words(spec, values, pod.facts.ip),
            values,
            mounts,
            rights(pod.spec, spec),
            pod.facts.name,
            self.programs,
        )

    def _mounts_api_token(self, spec: Document) -> bool:
        if "automountServiceAccountToken" in spec:
            return bool(spec["automountServiceAccountToken"])
        name = spec.get("serviceAccountName", "default")
        if name == "default":
            return True
        account = self.sources.manifests.named("ServiceAccount", name)
        return bool(account.get("automountServiceAccountToken", True))

    def _files_of_the_node(self, pod: Pod, directory: Path) -> list[Mount]:
        resolving, hosts = directory / "resolv.conf", directory / "hosts"
        search = f"{self.namespace}.svc.cluster.local svc.cluster.local cluster.local"
        resolving.write_text(f"nameserver {self.names.address}\nsearch {search}\noptions ndots:5\n")
        hosts.write_text(f"127.0.0.1 localhost\n{pod.facts.ip} {pod.facts.name}\n")
        return [
            Mount(resolving, "/etc/resolv.conf", True),
            Mount(hosts, "/etc/hosts", True),
        ]


def rights(pod: Document, container: Document) -> Rights:
    """Who a container's process is: the pod's securityContext, and over it the container's."""
    whole, own = pod.get("securityContext", {}), container.get("securityContext", {})
    both = {**whole, **own}
    user = int(both.get("runAsUser", 0))
    if both.get("runAsNonRoot") and user == 0:
        raise ManifestError(f"{container['name']}: runAsNonRoot, and no runAsUser to run as")
    extra = {
        *whole.get("supplementalGroups", ()),
        *([whole["fsGroup"]] if "fsGroup" in whole else ()),
    }
    return Rights(
        user,
        int(both.get("runAsGroup", 0)),
        tuple(sorted(extra)),
        bool(own.get("readOnlyRootFilesystem")),
        "ALL" in own.get("capabilities", {}).get("drop", ()),
        own.get("allowPrivilegeEscalation") is False,
    )


def _holder(pod: Pod) -> Holder:
    spec = pod.spec
    group = spec.get("securityContext", {}).get("fsGroup")
    users = {rights(spec, each).user for each in spec["containers"]}
    account = f"{pod.facts.namespace}/{pod.facts.service_account}"
    return Holder(group, users.pop() if len(users) == 1 else None, account, pod.facts.ip)


def _claimed(workload: Document, pod: str) -> list[Document]:
    """A StatefulSet's volumes, a claim of its own for each pod."""
    names = [each["metadata"]["name"] for each in workload["spec"].get("volumeClaimTemplates", ())]
    return [
        {"name": name, "persistentVolumeClaim": {"claimName": f"{name}-{pod}"}} for name in names
    ]


def _mounts(container: Document, where: Mapping[str, Path]) -> list[Mount]:
    mounts = []
    for each in container.get("volumeMounts", ()):
        if "subPath" in each:
            raise ManifestError(f"{each['mountPath']}: a subPath is never renewed")
        if each["name"] not in where:
            raise ManifestError(f"{each['mountPath']}: the pod has no volume {each['name']}")
        is_content = (where[each["name"]] / "..data").is_symlink()
        read_only = bool(each.get("readOnly")) or is_content
        mounts.append(Mount(where[each["name"]], each["mountPath"], read_only))
    return mounts


def _api_token(where: Mapping[str, Path]) -> list[Mount]:
    if API_TOKEN["name"] not in where:
        return []
    return [Mount(where[API_TOKEN["name"]], API_TOKEN_PATH, True)]
