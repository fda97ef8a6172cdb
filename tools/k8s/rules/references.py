"""What one document says of another: volumes, accounts, budgets, autoscalers, files, namespaces."""

from collections.abc import Iterator
from typing import Any

from tools.k8s.documents import (
    WORKLOADS,
    Document,
    Finding,
    Rendering,
    at,
    configuration_path,
    finding,
)
from tools.k8s.provided import CONFIG_MAPS, SECRETS

PROFILE = "pod-security.kubernetes.io/enforce"
CLUSTERS = frozenset({"Namespace", "ClusterRoleBinding", "ClusterRole"})


def volumes_have_a_source(rendering: Rendering) -> Iterator[Finding]:
    """What is mounted is a volume; a volume's source is here, or is listed as provided."""
    for pods in rendering.pods:
        templates = pods.owner["spec"].get("volumeClaimTemplates", ())
        known = {*pods.volumes, *(each["metadata"]["name"] for each in templates)}
        mounted = {
            mount["name"] for each in pods.containers for mount in each.get("volumeMounts", ())
        }
        for name in sorted(mounted - known):
            yield pods.at(f"volumes[{name}]", "is mounted, and is not there")
        for name in sorted(known - mounted):
            yield pods.at(f"volumes[{name}]", "is mounted nowhere: remove it")
        for name, volume in pods.volumes.items():
            for kind, source in _sources(volume):
                if not _is_there(rendering, kind, source):
                    text = f"there is no {kind} {source}, and tools/k8s/provided.py has none either"
                    yield pods.at(f"volumes[{name}]", text)


def configurations_are_mounted(rendering: Rendering) -> Iterator[Finding]:
    """The file that a command names is in a ConfigMap of these manifests, and is YAML."""
    for pods in rendering.pods:
        for container in pods.containers:
            path = configuration_path(container)
            if path and not rendering.configuration(pods):
                text = f"no ConfigMap is mounted that has the file {path}"
                yield pods.at(f"containers[{container['name']}].command", text)


def files_of_the_configuration_are_mounted(rendering: Rendering) -> Iterator[Finding]:
    """Each path of a service's configuration lies in a volume, and is one of its items if it has
    any."""
    for pods in rendering.pods:
        mounts = {
            mount["mountPath"]: pods.volumes.get(mount["name"], {})
            for each in pods.containers
            for mount in each.get("volumeMounts", ())
        }
        for setting, path in _files(rendering.configuration(pods), ""):
            directory, _, name = path.rpartition("/")
            if directory not in mounts:
                text = f"no volume is mounted at {directory}, where {setting} is looked for"
                yield pods.at("containers[0].volumeMounts", text)
            elif (items := _items(mounts[directory])) and name not in items:
                text = f"holds {', '.join(sorted(items))}, and not the {name} of {setting}"
                yield pods.at(f"volumes at {directory}", text)


def accounts_are_there(rendering: Rendering) -> Iterator[Finding]:
    """A pod's service account, and those that a role is bound to."""
    for pods in rendering.pods:
        name = pods.spec.get("serviceAccountName", "default")
        if rendering.named("ServiceAccount", name) is None:
            yield pods.at("serviceAccountName", f"there is no ServiceAccount {name}")
    for binding in rendering.of("RoleBinding", "ClusterRoleBinding"):
        for subject in binding.get("subjects", ()):
            if rendering.named("ServiceAccount", subject["name"]) is None:
                text = f"there is no ServiceAccount {subject['name']}"
                yield finding(binding, "subjects", text)


def budgets_select_pods(rendering: Rendering) -> Iterator[Finding]:
    """A budget's pods are there, and one of them may be missing, or no node could be drained."""
    for budget in rendering.of("PodDisruptionBudget"):
        if not rendering.selected(budget["spec"]["selector"]):
            yield finding(budget, "spec.selector", "selects no pods: compare it with their labels")
        if budget["spec"].get("maxUnavailable") in (None, 0, "0%"):
            yield finding(budget, "spec.maxUnavailable", "must be 1 or more")


def autoscalers_have_a_target(rendering: Rendering) -> Iterator[Finding]:
    """A workload that leaves its number of replicas to it, of which there are always two."""
    for scaler in rendering.of("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        found = rendering.named(target["kind"], target["name"])
        if target["kind"] not in WORKLOADS or found is None:
            text = f"there is no {target['kind']} {target['name']}"
            yield finding(scaler, "spec.scaleTargetRef", text)
        elif "replicas" in found["spec"]:
            text = f"is the autoscaler's to say ({scaler['metadata']['name']}): remove it"
            yield finding(found, "spec.replicas", text)
        if scaler["spec"].get("minReplicas", 1) < 2:
            yield finding(scaler, "spec.minReplicas", "must be 2 or more")


def namespaces_are_one_and_restricted(rendering: Rendering) -> Iterator[Finding]:
    """All lies in one namespace, whose profile the API server enforces."""
    names = [each["metadata"]["name"] for each in rendering.of("Namespace")]
    for namespace in rendering.of("Namespace"):
        if at(namespace, ("metadata", "labels", PROFILE)) != "restricted":
            yield finding(namespace, f"metadata.labels.{PROFILE}", "must be restricted")
    for document in rendering.documents:
        if document["kind"] not in CLUSTERS and document["metadata"].get("namespace") not in names:
            text = "must be a namespace of these manifests: set `namespace` in the kustomization"
            yield finding(document, "metadata.namespace", text)


def _sources(volume: Document) -> Iterator[tuple[str, str]]:
    for part in (volume, *at(volume, ("projected", "sources"), ())):
        if "configMap" in part:
            yield "ConfigMap", part["configMap"]["name"]
        if "secret" in part:
            yield "Secret", part["secret"].get("secretName") or part["secret"]["name"]
        if "persistentVolumeClaim" in part:
            yield "PersistentVolumeClaim", part["persistentVolumeClaim"]["claimName"]


def _is_there(rendering: Rendering, kind: str, name: str) -> bool:
    provided = {"ConfigMap": CONFIG_MAPS, "Secret": SECRETS}.get(kind, frozenset())
    return name in provided or rendering.named(kind, name) is not None


def _items(volume: Document) -> set[str]:
    """The names of a volume's files, where it says which they are."""
    found = set()
    for part in (volume, *at(volume, ("projected", "sources"), ())):
        for kind in ("configMap", "secret"):
            found |= {each["path"] for each in at(part, (kind, "items"), ())}
        if "serviceAccountToken" in part:
            found.add(part["serviceAccountToken"]["path"])
    return found


def _files(section: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Settings that end in `_file`, with their paths."""
    if isinstance(section, list):
        for number, each in enumerate(section):
            yield from _files(each, f"{prefix}[{number}]")
    if isinstance(section, dict):
        for name, value in section.items():
            where = f"{prefix}.{name}" if prefix else name
            if name.endswith("_file") and isinstance(value, str):
                yield where, value
            else:
                yield from _files(value, where)
