"""NetworkPolicies: what selects nothing or lets in too many is found."""

import pytest

from tests.fakes.changed_manifests import GONE, NOBODY, Row, changed, sound
from tools.k8s.rules.table import RULES

OPEN = [{"ports": [{"port": "ops"}]}]
ANYBODY = [{"from": [{"podSelector": {}}], "ports": [{"port": "grpc"}]}]
STRANGERS: list[dict[str, object]] = [{"from": [{"namespaceSelector": {}, "podSelector": {}}]}]

BREAKS: list[Row] = [
    # rule, document, path in it, what is put there, what the finding says
    (
        "everything is denied first",
        "NetworkPolicy/default-deny",
        "spec.policyTypes",
        ["Ingress"],
        "must be Ingress and Egress",
    ),
    (
        "everything is denied first",
        "NetworkPolicy/default-deny",
        "spec.podSelector",
        NOBODY,
        "no policy denies everything",
    ),
    (
        "policies select pods",
        "NetworkPolicy/callers",
        "spec.podSelector",
        NOBODY,
        "selects no pods",
    ),
    (
        "policies select pods",
        "CiliumNetworkPolicy/gateway-hosts",
        "spec.endpointSelector",
        NOBODY,
        "selects no pods",
    ),
    (
        "peers exist",
        "NetworkPolicy/gateway-to-token-service",
        "spec.egress.0.to.0.podSelector",
        NOBODY,
        "no pods are selected",
    ),
    ("peers exist", "NetworkPolicy/callers", "spec.ingress", STRANGERS, "outsiders"),
    (
        "policies name ports that are there",
        "NetworkPolicy/callers",
        "spec.ingress.0.ports.0.port",
        "web",
        "no port of the name web",
    ),
    (
        "policies name ports that are there",
        "NetworkPolicy/services-to-valkey",
        "spec.egress.0.ports.0.port",
        "redis",
        "valkey has no port of the name redis",
    ),
    (
        "only the scraper reaches operators ports",
        "NetworkPolicy/callers",
        "spec.ingress",
        [{}],
        "to the port ops",
    ),
    (
        "only the scraper reaches operators ports",
        "NetworkPolicy/scraper",
        "spec.ingress",
        OPEN,
        "to the port ops",
    ),
    (
        "only the scraper reaches operators ports",
        "NetworkPolicy/callers",
        "spec.ingress.0.ports",
        [{"port": 9102}],
        "to the port ops",
    ),
    (
        "only known clients reach token service",
        "NetworkPolicy/token-service",
        "spec.ingress",
        ANYBODY,
        "to the port grpc",
    ),
    (
        "only known clients reach token service",
        "NetworkPolicy/token-service",
        "spec.ingress.0.from",
        GONE,
        "to the port grpc",
    ),
]


@pytest.mark.parametrize(("rule", "document", "path", "value", "said"), BREAKS)
def test_what_breaks_a_rule_is_found(
    rule: str, document: str, path: str, value: object, said: str
) -> None:
    found = list(RULES[rule](changed(sound(), document, path, value)))
    assert any(said in str(each) for each in found), found
