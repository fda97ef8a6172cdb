"""Ports: named, used, and there."""

import pytest

from tests.fakes.changed_manifests import FIRST, GATEWAY, GONE, Row, changed, sound
from tools.k8s.rules.table import RULES

BREAKS: list[Row] = [
    # rule, document, path in it, what is put there, what the finding says
    ("ports are named and used", GATEWAY, f"{FIRST}.ports.0.name", GONE, "must have a name"),
    ("ports are named and used", "Service/gateway", "spec.ports.0", GONE, "http is used by no"),
    (
        "probes ask ports that are there",
        GATEWAY,
        f"{FIRST}.livenessProbe.httpGet.port",
        "opps",
        "asks the port opps",
    ),
    ("services lead somewhere", "Service/valkey", "spec.selector", {"app": "x"}, "selects no pods"),
    ("services lead somewhere", "Service/gateway", "spec.selector", GONE, "selects no pods"),
    ("services lead somewhere", "Service/gateway", "spec.ports.0.targetPort", 8080, "by name"),
    ("services lead somewhere", "Service/token-service", "spec.ports.0.name", GONE, "must be set"),
    (
        "ways in lead to services",
        "HTTPRoute/gateway",
        "spec.rules.0.backendRefs.0.port",
        8081,
        "no Service gateway with the port 8081",
    ),
    (
        "ways in lead to services",
        "Ingress/gateway",
        "spec.rules.0.http.paths.0.backend.service.name",
        "gate",
        "no Service gate ",
    ),
    (
        "ways in lead to services",
        "ServiceMonitor/gateway",
        "spec.endpoints.0.port",
        "metrics",
        "has the port metrics",
    ),
]


@pytest.mark.parametrize(("rule", "document", "path", "value", "said"), BREAKS)
def test_what_breaks_a_rule_is_found(
    rule: str, document: str, path: str, value: object, said: str
) -> None:
    found = list(RULES[rule](changed(sound(), document, path, value)))
    assert any(said in str(each) for each in found), found
