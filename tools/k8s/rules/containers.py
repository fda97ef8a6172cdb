"""What every pod and every container has to be: restricted, bounded, probed, of a known image."""

from collections.abc import Iterator

from tools.k8s.documents import Document, Finding, Pods, Rendering, at, finding
from tools.k8s.provided import API_CALLERS

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
RESOURCES = (
    ("requests", ("cpu", "memory", "ephemeral-storage")),
    # Not of CPU: a process that is throttled makes every stream of it stutter.
    ("limits", ("memory", "ephemeral-storage")),
)
SHARED = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")
VOLUMES = frozenset(
    {"configMap", "secret", "projected", "emptyDir", "persistentVolumeClaim", "csi", "downwardAPI"}
)


def pods_are_restricted(rendering: Rendering) -> Iterator[Finding]:
    """What the profile `restricted` asks of a pod."""
    for pods in rendering.pods:
        context = pods.spec.get("securityContext", {})
        if context.get("runAsNonRoot") is not True:
            yield pods.at("securityContext.runAsNonRoot", "must be true")
        if not context.get("runAsUser"):
            yield pods.at("securityContext.runAsUser", "must be a number other than 0")
        if at(context, ("seccompProfile", "type")) != "RuntimeDefault":
            yield pods.at("securityContext.seccompProfile.type", "must be RuntimeDefault")


def pods_share_nothing_of_the_node(rendering: Rendering) -> Iterator[Finding]:
    """Neither its network and processes nor its directories."""
    for pods in rendering.pods:
        for name in SHARED:
            if pods.spec.get(name):
                yield pods.at(name, "must not be set: what the node has is not the pod's")
        for name, volume in pods.volumes.items():
            if not VOLUMES & volume.keys():
                yield pods.at(f"volumes[{name}]", "is of a kind that `restricted` does not allow")


def containers_are_restricted(rendering: Rendering) -> Iterator[Finding]:
    """What the profile asks of a container, and a root that nobody writes to."""
    for pods, container, where in _containers(rendering):
        context = container.get("securityContext", {})
        for name, wanted in (("allowPrivilegeEscalation", False), ("readOnlyRootFilesystem", True)):
            if context.get(name) is not wanted:
                text = f"must be {str(wanted).lower()}"
                yield pods.at(f"{where}.securityContext.{name}", text)
        capabilities = context.get("capabilities", {})
        if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
            yield pods.at(f"{where}.securityContext.capabilities", "must drop ALL and add none")
        if context.get("privileged") or context.get("runAsUser") == 0:
            yield pods.at(f"{where}.securityContext", "must be neither privileged nor root")


def containers_are_bounded(rendering: Rendering) -> Iterator[Finding]:
    """Requests and limits are there."""
    for pods, container, where in _containers(rendering):
        for side, names in RESOURCES:
            for name in names:
                if at(container, ("resources", side, name)) is None:
                    yield pods.at(f"{where}.resources.{side}.{name}", "must be set")


def containers_are_probed(rendering: Rendering) -> Iterator[Finding]:
    """By ports that have a name; a wrong number would go unnoticed."""
    for pods in rendering.pods:
        for container in pods.spec["containers"]:
            for name in PROBES:
                where = f"containers[{container['name']}].{name}"
                probe = container.get(name)
                how = (probe or {}).get("httpGet") or (probe or {}).get("tcpSocket") or {}
                if probe is None:
                    yield pods.at(where, "must be there")
                elif not isinstance(how.get("port"), str):
                    yield pods.at(where, "must ask a port by its name, by httpGet or tcpSocket")


def images_are_pinned(rendering: Rendering) -> Iterator[Finding]:
    """To a tag that says which version it is, or to a digest."""
    for pods, container, where in _containers(rendering):
        image = container.get("image", "")
        tag = image.rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in image and tag in {"", "latest"}:
            text = f"{image or 'no image'}: name a tag other than latest, or a digest"
            yield pods.at(f"{where}.image", text)


def api_tokens_are_not_mounted(rendering: Rendering) -> Iterator[Finding]:
    """Neither by a pod nor by an account; what is projected is bound to an audience and ends."""
    for account in rendering.of("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield finding(account, "automountServiceAccountToken", "must be false")
    for pods in rendering.pods:
        if pods.spec.get("automountServiceAccountToken") is not False:
            yield pods.at("automountServiceAccountToken", "must be false")
        for name, token in _projected_tokens(pods):
            if "audience" not in token and pods.name not in API_CALLERS:
                yield pods.at(f"volumes[{name}]", "is a token for the API server: name an audience")
            if not 600 <= token.get("expirationSeconds", 0) <= 3600:
                yield pods.at(f"volumes[{name}]", "expirationSeconds must be from 600 to 3600")


def secrets_are_files(rendering: Rendering) -> Iterator[Finding]:
    """In whole directories: neither a subPath nor a variable is ever renewed."""
    for pods, container, where in _containers(rendering):
        for mount in container.get("volumeMounts", ()):
            if "subPath" in mount or "subPathExpr" in mount:
                text = "is never renewed: mount the directory"
                yield pods.at(f"{where}.volumeMounts[{mount['name']}].subPath", text)
        for variable in container.get("env", ()):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                text = "shows a secret to whoever sees the environment: mount it as a file"
                yield pods.at(f"{where}.env[{variable['name']}]", text)
        if any("secretRef" in each for each in container.get("envFrom", ())):
            yield pods.at(f"{where}.envFrom", "holds secrets: mount them as files")


def nothing_is_simulated(rendering: Rendering) -> Iterator[Finding]:
    """The simulator answers nonsense; it has no place in a cluster."""
    for pods, container, where in _containers(rendering):
        words = [*container.get("command", ()), *container.get("args", ()), container["name"]]
        if any("simulator" in str(word) for word in [*words, container.get("image", "")]):
            yield pods.at(where, "runs the simulator: remove it")


def _containers(rendering: Rendering) -> Iterator[tuple[Pods, Document, str]]:
    for pods in rendering.pods:
        for container in pods.containers:
            yield pods, container, f"containers[{container['name']}]"


def _projected_tokens(pods: Pods) -> Iterator[tuple[str, Document]]:
    for name, volume in pods.volumes.items():
        for source in at(volume, ("projected", "sources"), ()):
            if "serviceAccountToken" in source:
                yield name, source["serviceAccountToken"]
