"""Numbers that have to fit together."""

import pytest

from tests.fakes.changed_manifests import (
    BROKER,
    CONFIG,
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

BREAKS: list[Row] = [
    # rule, document, path in it, what is put there, what the finding says
    ("grace periods add up", GATEWAY, f"{POD}.terminationGracePeriodSeconds", 579, "580 or more"),
    ("grace periods add up", GATEWAY, f"{POD}.terminationGracePeriodSeconds", 601, "at most"),
    ("grace periods add up", BROKER, f"{POD}.terminationGracePeriodSeconds", 20, "21 or more"),
    ("grace periods add up", GATEWAY, f"{FIRST}.lifecycle", GONE, "must sleep"),
    ("grace periods add up", CONFIG, "data", "- grace_seconds", "must say drain.grace_seconds"),
    ("bounds lie inside bounds", CONFIG, "data", "* journal_bytes: 2000000000", "1342177280 bytes"),
    ("bounds lie inside bounds", CONFIG, "data", "- journal_bytes", "must say usage.journal_bytes"),
    ("bounds lie inside bounds", CONFIG, "data", "* journal_dir: /elsewhere", "none is mounted"),
    ("bounds lie inside bounds", GATEWAY, f"{POD}.volumes.1.emptyDir", {}, "must be set"),
    (
        "bounds lie inside bounds",
        GATEWAY,
        f"{FIRST}.resources.limits.ephemeral-storage",
        "1280Mi",
        "of the pod's emptyDirs",
    ),
    (
        "updates lose nothing",
        BROKER,
        "spec.strategy.rollingUpdate.maxUnavailable",
        1,
        "must be 0",
    ),
    ("updates lose nothing", GATEWAY, "spec.strategy", GONE, "must be 0"),
    ("updates lose nothing", GATEWAY, f"{POD}.topologySpreadConstraints", GONE, "over nodes"),
    (
        "updates lose nothing",
        BROKER,
        f"{POD}.topologySpreadConstraints.1.labelSelector",
        {"matchLabels": {"app.kubernetes.io/name": "gateway"}},
        "by their own labels",
    ),
    ("stores keep all they have", "ConfigMap/valkey-config", "data", "noeviction", "to noeviction"),
    ("stores keep all they have", VALKEY, f"{FIRST}.resources.limits.memory", "200Mi", "quarters"),
]


@pytest.mark.parametrize(("rule", "document", "path", "value", "said"), BREAKS)
def test_what_breaks_a_rule_is_found(
    rule: str, document: str, path: str, value: object, said: str
) -> None:
    found = list(RULES[rule](changed(sound(), document, path, value)))
    assert any(said in str(each) for each in found), found
