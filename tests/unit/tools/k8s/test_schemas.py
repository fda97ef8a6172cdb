"""Documents are judged by Kubernetes' own schemas, strictly, and foreign kinds by their shape."""

from typing import Any

from tools.k8s.schemas import Schemas


def document(kind: str, version: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


def said(judged: dict[str, Any]) -> list[str]:
    return [str(each) for each in Schemas().findings(judged)]


SERVICE = {"ports": [{"name": "http", "port": 80}]}
CILIUM = "cilium.io/v2"


def test_a_document_that_fits_has_no_finding() -> None:
    assert said(document("Service", "v1", **SERVICE)) == []


def test_a_field_that_does_not_exist_is_found_in_every_version() -> None:
    found = said(document("Service", "v1", **SERVICE, selectors={}))
    assert len(found) == 2
    assert "Service/x spec: Kubernetes 1.30 refuses it" in found[0]
    assert "selectors" in found[0]
    assert "Kubernetes 1.37" in found[1]


def test_a_value_of_another_type_is_found_at_its_place() -> None:
    (found, _) = said(document("Service", "v1", ports=[{"name": "http", "port": "eighty"}]))
    assert "spec.ports.0.port" in found


def test_a_kind_that_nobody_knows_is_no_kind() -> None:
    assert "has no such kind" in said(document("Gizmo", "v1"))[0]


def test_a_foreign_kind_is_judged_by_its_shape() -> None:
    assert said(document("CiliumNetworkPolicy", CILIUM, endpointSelector={}, egress=[])) == []
    found = said(document("CiliumNetworkPolicy", "cilium.io/v1", egres=[], endpointSelector={}))
    assert found == [
        "CiliumNetworkPolicy/x apiVersion: must be cilium.io/v2",
        "CiliumNetworkPolicy/x spec.egress: is required",
        "CiliumNetworkPolicy/x spec.egres: is no field that these manifests know of",
    ]


def test_what_was_judged_is_not_judged_again() -> None:
    schemas, once = Schemas(), document("Service", "v1", selectors={})
    assert schemas.findings(once) is schemas.findings(document("Service", "v1", selectors={}))
