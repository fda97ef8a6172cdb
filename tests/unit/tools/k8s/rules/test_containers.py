"""What every pod and container has to be."""

import pytest

from tests.fakes.changed_manifests import (
    BROKER,
    FIRST,
    GATEWAY,
    GONE,
    POD,
    VALKEY,
    Row,
    changed,
    sound,
)
from tools.k8s.rules.table import RULES

API_TOKEN = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}, "name": "x"}

BREAKS: list[Row] = [
    # rule, document, path in it, what is put there, what the finding says
    ("pods are restricted", GATEWAY, f"{POD}.securityContext.runAsNonRoot", False, "true"),
    ("pods are restricted", VALKEY, f"{POD}.securityContext.runAsUser", 0, "other than 0"),
    (
        "pods are restricted",
        BROKER,
        f"{POD}.securityContext.seccompProfile",
        GONE,
        "RuntimeDefault",
    ),
    ("pods share nothing of the node", GATEWAY, f"{POD}.hostNetwork", True, "hostNetwork"),
    (
        "pods share nothing of the node",
        GATEWAY,
        f"{POD}.volumes.0",
        {"name": "data", "hostPath": {"path": "/"}},
        "of a kind",
    ),
    ("containers are restricted", BROKER, f"{FIRST}.securityContext", GONE, "capabilities"),
    (
        "containers are restricted",
        GATEWAY,
        f"{FIRST}.securityContext.readOnlyRootFilesystem",
        False,
        "readOnlyRootFilesystem: must be true",
    ),
    (
        "containers are restricted",
        GATEWAY,
        f"{FIRST}.securityContext.allowPrivilegeEscalation",
        GONE,
        "must be false",
    ),
    (
        "containers are restricted",
        GATEWAY,
        f"{FIRST}.securityContext.capabilities.add",
        ["NET_ADMIN"],
        "must drop ALL and add none",
    ),
    ("containers are restricted", VALKEY, f"{FIRST}.securityContext.runAsUser", 0, "nor root"),
    (
        "containers are bounded",
        BROKER,
        f"{FIRST}.resources.limits.memory",
        GONE,
        "resources.limits.memory: must be set",
    ),
    ("containers are bounded", VALKEY, f"{FIRST}.resources.requests.cpu", GONE, "requests.cpu"),
    ("containers are probed", GATEWAY, f"{FIRST}.startupProbe", GONE, "must be there"),
    ("containers are probed", GATEWAY, f"{FIRST}.readinessProbe.httpGet.port", 9102, "its name"),
    ("images are pinned", GATEWAY, f"{FIRST}.image", "host:5000/gateway", "other than latest"),
    ("images are pinned", VALKEY, f"{FIRST}.image", "valkey:latest", "other than latest"),
    (
        "api tokens are not mounted",
        GATEWAY,
        f"{POD}.automountServiceAccountToken",
        GONE,
        "must be false",
    ),
    (
        "api tokens are not mounted",
        "ServiceAccount/gateway",
        "automountServiceAccountToken",
        True,
        "must be false",
    ),
    ("api tokens are not mounted", GATEWAY, f"{POD}.volumes.0", API_TOKEN, "name an audience"),
    (
        "api tokens are not mounted",
        GATEWAY,
        f"{POD}.volumes.4.projected.sources.0.serviceAccountToken.expirationSeconds",
        86400,
        "from 600 to 3600",
    ),
    ("secrets are files", GATEWAY, f"{FIRST}.volumeMounts.0.subPath", "x", "never renewed"),
    (
        "secrets are files",
        GATEWAY,
        f"{FIRST}.env",
        [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "store-password", "key": "x"}}}],
        "as a file",
    ),
    ("secrets are files", BROKER, f"{FIRST}.envFrom", [{"secretRef": {"name": "x"}}], "as files"),
    (
        "nothing is simulated",
        BROKER,
        f"{FIRST}.command",
        ["python", "-m", "simulator"],
        "remove it",
    ),
]


@pytest.mark.parametrize(("rule", "document", "path", "value", "said"), BREAKS)
def test_what_breaks_a_rule_is_found(
    rule: str, document: str, path: str, value: object, said: str
) -> None:
    found = list(RULES[rule](changed(sound(), document, path, value)))
    assert any(said in str(each) for each in found), found
