"""What one document says of another."""

import pytest

from tests.fakes.changed_manifests import (
    BROKER,
    FIRST,
    GATEWAY,
    GONE,
    NOBODY,
    POD,
    Row,
    changed,
    sound,
)
from tools.k8s.rules.table import RULES

BREAKS: list[Row] = [
    # rule, document, path in it, what is put there, what the finding says
    ("volumes have a source", GATEWAY, f"{POD}.volumes.0.name", "x", "mounted nowhere"),
    ("volumes have a source", GATEWAY, f"{POD}.volumes.0.name", "x", "is mounted, and is not"),
    (
        "volumes have a source",
        BROKER,
        f"{POD}.volumes.1.secret.secretName",
        "seats",
        "there is no Secret seats",
    ),
    ("volumes have a source", GATEWAY, f"{POD}.volumes.2.configMap.name", "x", "no ConfigMap x"),
    (
        "configurations are mounted",
        GATEWAY,
        f"{FIRST}.command.4",
        "/etc/gateway.yaml",
        "has the file",
    ),
    (
        "configurations are mounted",
        BROKER,
        f"{POD}.volumes.0.configMap.name",
        "x",
        "has the file /etc/token-service/token-service.yaml",
    ),
    (
        "files of the configuration are mounted",
        GATEWAY,
        f"{FIRST}.volumeMounts.5.mountPath",
        "/run/store",
        "store.password_file is looked for",
    ),
    (
        "files of the configuration are mounted",
        BROKER,
        f"{POD}.volumes.2.secret.items.0.path",
        "cert.pem",
        "not the tls.crt of listen.tls.cert_file",
    ),
    ("accounts are there", GATEWAY, f"{POD}.serviceAccountName", "x", "no ServiceAccount x"),
    (
        "accounts are there",
        "ClusterRoleBinding/copilot-gateway-token-service-issuer-discovery",
        "subjects.0.name",
        "x",
        "no ServiceAccount x",
    ),
    ("budgets select pods", "PodDisruptionBudget/gateway", "spec.selector", NOBODY, "no pods"),
    ("budgets select pods", "PodDisruptionBudget/gateway", "spec.maxUnavailable", 0, "1 or more"),
    (
        "autoscalers have a target",
        "HorizontalPodAutoscaler/gateway",
        "spec.scaleTargetRef.kind",
        "StatefulSet",
        "no StatefulSet gateway",
    ),
    ("autoscalers have a target", GATEWAY, "spec.replicas", 2, "autoscaler's to say"),
    (
        "autoscalers have a target",
        "HorizontalPodAutoscaler/gateway",
        "spec.minReplicas",
        1,
        "must be 2 or more",
    ),
    (
        "namespaces are one and restricted",
        "Namespace/copilot-gateway",
        "metadata.labels",
        {},
        "must be restricted",
    ),
    (
        "namespaces are one and restricted",
        "Service/gateway",
        "metadata.namespace",
        GONE,
        "a namespace of these manifests",
    ),
]


@pytest.mark.parametrize(("rule", "document", "path", "value", "said"), BREAKS)
def test_what_breaks_a_rule_is_found(
    rule: str, document: str, path: str, value: object, said: str
) -> None:
    found = list(RULES[rule](changed(sound(), document, path, value)))
    assert any(said in str(each) for each in found), found
