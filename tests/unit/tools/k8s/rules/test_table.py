"""All rules hold for the manifests as they are, and each has a test that breaks it."""

from collections.abc import Mapping
from importlib import import_module

import pytest

from gateway import bookkeeping, drain
from tests.fakes.changed_manifests import changed, sound
from token_service import bootstrap as broker
from tools.k8s.documents import Finding
from tools.k8s.render import LAST, Target, ordered, render
from tools.k8s.rules import bounds
from tools.k8s.rules.table import RULES

MODULES = ("bounds", "containers", "network", "ports", "references")


@pytest.mark.parametrize("rule", RULES)
def test_the_manifests_keep_every_rule(rule: str) -> None:
    assert list(RULES[rule](sound())) == []


def test_every_rule_has_something_that_breaks_it() -> None:
    tests = [import_module(f"tests.unit.tools.k8s.rules.test_{each}") for each in MODULES]
    assert {row[0] for each in tests for row in each.BREAKS} == set(RULES)


def test_a_finding_says_where_it_is() -> None:
    found = Finding("Deployment", "gateway", "spec.replicas", "must be 2")
    assert str(found) == "Deployment/gateway spec.replicas: must be 2"


def test_a_journal_on_a_volume_is_judged_by_its_claim() -> None:
    rendering = render(Target("production", LAST))
    rule = RULES["bounds lie inside bounds"]
    assert list(rule(rendering)) == []
    path = "spec.volumeClaimTemplates.0.spec.resources.requests.storage"
    found = list(rule(changed(rendering, "StatefulSet/gateway", path, "1Gi")))
    assert "must have more than usage.journal_bytes" in str(found)


def test_an_autoscaler_scales_what_the_journals_component_has_made() -> None:
    rendering = render(Target("production", ordered(["journal-volumes", "autoscaling"], "")))
    assert list(RULES["autoscalers have a target"](rendering)) == []
    assert rendering.named("StatefulSet", "gateway") is not None


def test_times_beyond_the_settings_are_those_of_the_services() -> None:
    assert bounds.LAST_ANSWERS_SECONDS == broker.FAREWELL_SECONDS
    assert bounds.LAST_CALLS_SECONDS == broker.GRACE_SECONDS
    assert bounds.LAST_WORDS_SECONDS == drain.LAST_WORDS_SECONDS
    assert bounds.LAST_SHIPMENT_SECONDS == bookkeeping.LAST_SHIPMENT_SECONDS


def test_a_variable_counts_before_the_configuration() -> None:
    rendering = render(Target("production", ("issuer-keys-file",)))
    pods = rendering.pods_of("token-service")
    assert pods is not None
    auth: Mapping[str, object] = rendering.configuration(pods)["auth"]
    assert (auth["jwks_url"], auth["token_file"]) == (None, None)
    assert auth["jwks_file"] == "/run/secrets/cluster/jwks.json"
    assert not list(RULES["files of the configuration are mounted"](rendering))
