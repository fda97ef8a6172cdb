"""Rendered manifests as values: documents, the pods in them, and what a rule finds wrong."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

Document = Mapping[str, Any]

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


@dataclass(frozen=True)
class Finding:
    """What is wrong in one place, and what to do about it."""

    kind: str
    name: str
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name} {self.path}: {self.text}"


def finding(document: Document, path: str, text: str) -> Finding:
    """One about this document."""
    return Finding(document["kind"], document["metadata"]["name"], path, text)


@dataclass(frozen=True)
class Pods:
    """The pods that one workload makes."""

    owner: Document

    @property
    def template(self) -> Document:
        """Their template."""
        template: Document = self.owner["spec"]["template"]
        return template

    @property
    def name(self) -> str:
        """The workload's name."""
        return str(self.owner["metadata"]["name"])

    @property
    def spec(self) -> Document:
        """Their spec."""
        spec: Document = self.template["spec"]
        return spec

    @property
    def labels(self) -> Mapping[str, str]:
        """Their labels."""
        labels: Mapping[str, str] = self.template["metadata"].get("labels", {})
        return labels

    @property
    def containers(self) -> Sequence[Document]:
        """All of them, those that come first included."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    @property
    def ports(self) -> Mapping[str, int]:
        """Their ports by name."""
        return {
            port["name"]: port["containerPort"]
            for container in self.containers
            for port in container.get("ports", ())
            if "name" in port
        }

    @property
    def volumes(self) -> Mapping[str, Document]:
        """Their volumes by name."""
        return {each["name"]: each for each in self.spec.get("volumes", ())}

    def at(self, part: str, text: str) -> Finding:
        """A finding about their spec."""
        return finding(self.owner, f"spec.template.spec.{part}", text)


@dataclass(frozen=True)
class Rendering:
    """All documents of one rendering, which are applied together."""

    documents: Sequence[Document]

    def of(self, *kinds: str) -> Iterator[Document]:
        """Those of these kinds."""
        return (each for each in self.documents if each["kind"] in kinds)

    def named(self, kind: str, name: str) -> Document | None:
        """The one of this kind and name, if there is one."""
        return next((each for each in self.of(kind) if each["metadata"]["name"] == name), None)

    @cached_property
    def pods(self) -> Sequence[Pods]:
        """Of all workloads."""
        return [Pods(each) for each in self.of(*WORKLOADS)]

    def pods_of(self, name: str) -> Pods | None:
        """Those of the workload with this name, if there is one."""
        return next((each for each in self.pods if each.name == name), None)

    def selected(self, selector: Document) -> list[Pods]:
        """The pods that a LabelSelector means; an empty one means all."""
        return [each for each in self.pods if selects(selector, each.labels)]

    def configuration(self, pods: Pods) -> Document:
        """What the file says that these pods' command names, and their variables instead of it.

        Empty where there is no such file.
        """
        for container in pods.containers:
            if path := configuration_path(container):
                return overridden(self._mounted(pods, container, path), container)
        return {}

    def _mounted(self, pods: Pods, container: Document, path: str) -> dict[str, Any]:
        directory, _, name = path.rpartition("/")
        for mount in container.get("volumeMounts", ()):
            volume = pods.volumes.get(mount["name"], {})
            if mount["mountPath"] == directory and "configMap" in volume:
                found = self.named("ConfigMap", volume["configMap"]["name"])
                read = yaml.safe_load((found or {}).get("data", {}).get(name, ""))
                return read if isinstance(read, dict) else {}
        return {}


def configuration_path(container: Document) -> str:
    """What follows `--config` in its command; empty if nothing does."""
    words = [*container.get("command", ()), *container.get("args", ())]
    return str(words[words.index("--config") + 1]) if "--config" in words[:-1] else ""


def overridden(configuration: dict[str, Any], container: Document) -> Document:
    """The configuration with what `SERVICE__SECTION__NAME` variables say instead."""
    for variable in container.get("env", ()):
        _, *sections, name = variable["name"].lower().split("__")
        inner = configuration
        for section in sections:
            inner = inner.setdefault(section, {})
        if sections:
            inner[name] = yaml.safe_load(variable.get("value", "null"))
    return configuration


def selects(selector: Document, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector means something with these labels."""
    exact: Mapping[str, str] = selector.get("matchLabels", {})
    if not exact.items() <= labels.items():
        return False
    return all(_holds(each, labels) for each in selector.get("matchExpressions", ()))


def _holds(expression: Document, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", ())
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def at(document: Any, path: Iterable[str | int], default: Any = None) -> Any:
    """What lies at this path of a document, or `default` where there is nothing."""
    for step in path:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return default
    return document


UNITS = {
    "": 1,
    **{letter: 1000**power for power, letter in enumerate("kMGTP", 1)},
    **{f"{letter}i": 1024**power for power, letter in enumerate("KMGTP", 1)},
}


def quantity(text: str | int) -> int:
    """A size in bytes as Kubernetes writes it. Raises ValueError for one that is none."""
    number = str(text).rstrip("kKMGTPi")
    unit = str(text)[len(number) :]
    if unit not in UNITS:
        raise ValueError(f"{text} is no size")
    return int(float(number) * UNITS[unit])
