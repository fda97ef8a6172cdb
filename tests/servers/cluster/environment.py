"""A container's environment and its words, as the kubelet makes them of a manifest."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.servers.cluster.addresses import on_its_own_address
from tests.servers.cluster.manifests import Document, ManifestError
from tests.servers.cluster.sandbox import PROGRAMS
from tests.servers.cluster.volumes import Sources

# What an image sets before any manifest is asked.
IMAGE = {
    "PATH": f"{sys.prefix}/bin:{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
}
EXPANDED = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


@dataclass(frozen=True)
class Facts:
    """What a pod is, for `fieldRef`."""

    name: str
    namespace: str
    ip: str
    node_ip: str
    uid: str
    service_account: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    def field(self, path: str) -> str:
        """The value of a fieldPath. Raises ManifestError."""
        for kind in ("labels", "annotations"):
            if path.startswith(f"metadata.{kind}['") and path.endswith("']"):
                values: Mapping[str, str] = getattr(self, kind)
                return values.get(path[len(f"metadata.{kind}['") : -2], "")
        known = {
            "metadata.name": self.name,
            "metadata.namespace": self.namespace,
            "metadata.uid": self.uid,
            "spec.nodeName": "this-machine",
            "spec.serviceAccountName": self.service_account,
            "status.hostIP": self.node_ip,
            "status.podIP": self.ip,
            "status.podIPs": self.ip,
        }
        if path not in known:
            raise ManifestError(f"the fieldPath {path} is not known here")
        return known[path]


def environment(
    container: Document, facts: Facts, sources: Sources, services: Mapping[str, str]
) -> dict[str, str]:
    """All variables. services: those that lead to Services."""
    values = {**IMAGE, "HOSTNAME": facts.name, **services}
    for each in container.get("envFrom", ()):
        values |= _whole(each, sources)
    for each in container.get("env", ()):
        text = str(each["value"]) if "value" in each else _referred(each, facts, sources, container)
        values[each["name"]] = on_its_own_address(expanded(text, values), facts.ip)
    return values


def words(container: Document, values: Mapping[str, str], ip: str) -> list[str]:
    """`command` and `args`. Raises ManifestError without a command: there is no image to ask."""
    if "command" not in container:
        raise ManifestError(f"container {container['name']} has no command")
    said = [*container["command"], *container.get("args", ())]
    return [on_its_own_address(expanded(str(word), values), ip) for word in said]


def expanded(text: str, values: Mapping[str, str]) -> str:
    """`$(NAME)` for variables set before; what is not known stays as it is."""

    def put(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        return values.get(found[1], found[0])

    return EXPANDED.sub(put, text)


def service_links(services: Iterator[tuple[str, str, Document]]) -> dict[str, str]:
    """What every container of the namespace is told of its Services: name, address, manifest."""
    values = {}
    for name, address, service in services:
        prefix = name.upper().replace("-", "_")
        first, *_ = service["spec"]["ports"]
        values[f"{prefix}_SERVICE_HOST"] = address
        values[f"{prefix}_SERVICE_PORT"] = str(first["port"])
        values[f"{prefix}_PORT"] = f"tcp://{address}:{first['port']}"
        for port in service["spec"]["ports"]:
            if "name" in port:
                part = port["name"].upper().replace("-", "_")
                values[f"{prefix}_SERVICE_PORT_{part}"] = str(port["port"])
            there = f"{prefix}_PORT_{port['port']}_TCP"
            values[there] = f"tcp://{address}:{port['port']}"
            values[f"{there}_ADDR"], values[f"{there}_PORT"] = address, str(port["port"])
    return values


def _whole(each: Document, sources: Sources) -> dict[str, str]:
    if "configMapRef" in each:
        found = sources.config_map(each["configMapRef"]["name"])
    else:
        found = sources.secret(each["secretRef"]["name"])
    return {each.get("prefix", "") + name: text.decode() for name, text in found.items()}


def _referred(each: Document, facts: Facts, sources: Sources, container: Document) -> str:
    reference = each["valueFrom"]
    if "fieldRef" in reference:
        return facts.field(reference["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in reference:
        kind, _, name = reference["resourceFieldRef"]["resource"].partition(".")
        return str(container["resources"][kind][name])
    for kind, read in (("configMapKeyRef", sources.config_map), ("secretKeyRef", sources.secret)):
        if kind in reference:
            found = read(reference[kind]["name"], reference[kind].get("optional", False))
            key = reference[kind]["key"]
            if key not in found and not reference[kind].get("optional", False):
                raise ManifestError(f"{each['name']}: there is no key {key}")
            return found.get(key, b"").decode()
    raise ManifestError(f"{each['name']}: a reference that is not known here")
