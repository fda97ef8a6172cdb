"""Rendered manifests as values: which documents there are, and what names in them stand for."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]

WORKLOADS = ("Deployment", "StatefulSet")


class ManifestError(Exception):
    """A manifest says what no cluster could carry out, or what this runner does not know."""


@dataclass(frozen=True)
class Manifests:
    """All documents of one rendering, which lie in one namespace."""

    documents: Sequence[Document]

    def of(self, kind: str) -> Iterator[Document]:
        """Those of this kind."""
        return (each for each in self.documents if each["kind"] == kind)

    def named(self, kind: str, name: str) -> Document:
        """The one of this kind and name. Raises ManifestError."""
        for each in self.of(kind):
            if each["metadata"]["name"] == name:
                return each
        raise ManifestError(f"{kind} {name} is not among the manifests")

    @property
    def workloads(self) -> list[Document]:
        """What pods are made of."""
        return [each for kind in WORKLOADS for each in self.of(kind)]

    @property
    def namespace(self) -> str:
        """The namespace of the workloads. Raises ManifestError where there are several."""
        found = {each["metadata"].get("namespace", "default") for each in self.workloads}
        if len(found) != 1:
            raise ManifestError(f"workloads lie in {sorted(found)}, not in one namespace")
        return str(found.pop())


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a Service's selector, or `matchLabels`, means a pod with these labels."""
    return bool(selector) and selector.items() <= labels.items()


def template_hash(template: Document) -> str:
    """Two templates with the same one make the same pods."""
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]


def port_number(name: str | int, containers: Iterable[Document]) -> int:
    """A port by the name a container gave it, or itself. Raises ManifestError."""
    if isinstance(name, int):
        return name
    for container in containers:
        for port in container.get("ports", ()):
            if port.get("name") == name:
                return int(port["containerPort"])
    raise ManifestError(f"no container has a port named {name}")
