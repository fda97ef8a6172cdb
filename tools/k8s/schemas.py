"""Whether documents are what Kubernetes takes: by its own schemas, strictly.

Kinds that come with an operator have no schema there; of them only the shape is checked that
these manifests use: the version, the fields of `spec` that must and that may be there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import kubernetes_validate

from tools.k8s.documents import Document, Finding, finding

# The oldest version that these manifests are for, and the newest one that is known here.
VERSIONS = ("1.30", "1.37")


@dataclass(frozen=True)
class Shape:
    """What of a foreign kind these manifests use."""

    version: str
    required: frozenset[str]
    allowed: frozenset[str] = frozenset()


def _shape(version: str, required: str, allowed: str = "") -> Shape:
    return Shape(version, frozenset(required.split()), frozenset(allowed.split()))


SHAPES: dict[str, Shape] = {
    "HTTPRoute": _shape("gateway.networking.k8s.io/v1", "parentRefs rules", "hostnames"),
    "ServiceMonitor": _shape(
        "monitoring.coreos.com/v1", "selector endpoints", "namespaceSelector jobLabel"
    ),
    "PrometheusRule": _shape("monitoring.coreos.com/v1", "groups"),
    "CiliumNetworkPolicy": _shape("cilium.io/v2", "endpointSelector egress"),
    "ExternalSecret": _shape(
        "external-secrets.io/v1", "secretStoreRef target", "refreshInterval data dataFrom"
    ),
    "Issuer": _shape("cert-manager.io/v1", "", "selfSigned ca"),
    "Certificate": _shape(
        "cert-manager.io/v1",
        "secretName issuerRef",
        "isCA commonName dnsNames duration renewBefore privateKey usages",
    ),
}


class Schemas:
    """Judges documents; one that was judged before is not judged again."""

    def __init__(self) -> None:
        self._judged: dict[str, tuple[Finding, ...]] = {}

    def findings(self, document: Document) -> tuple[Finding, ...]:
        """What is wrong with it."""
        key = repr(document)
        if key not in self._judged:
            check = _shape_findings if is_foreign(document) else _schema_findings
            self._judged[key] = tuple(check(document))
        return self._judged[key]


def is_foreign(document: Document) -> bool:
    """Whether only its shape can be checked."""
    return document["kind"] in SHAPES


def _schema_findings(document: Document) -> Iterator[Finding]:
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(each) for each in error.absolute_path) or "."
            yield finding(document, path, f"Kubernetes {version} refuses it: {error.message}")
        except kubernetes_validate.SchemaNotFoundError:
            text = f"Kubernetes {version} has no such kind; if an operator brings it, add its Shape"
            yield finding(document, "apiVersion", text)


def _shape_findings(document: Document) -> Iterator[Finding]:
    shape = SHAPES[document["kind"]]
    if document["apiVersion"] != shape.version:
        yield finding(document, "apiVersion", f"must be {shape.version}")
    spec = document.get("spec", {})
    for name in sorted(shape.required - spec.keys()):
        yield finding(document, f"spec.{name}", "is required")
    for name in sorted(spec.keys() - shape.required - shape.allowed):
        yield finding(document, f"spec.{name}", "is no field that these manifests know of")
