"""What is rendered: every overlay, each component over production, and components together."""

from pathlib import Path

import pytest

from tests.servers.process import ROOT
from tools.k8s.render import EITHER, K8S, RenderError, Target, ordered, render, targets


def test_every_overlay_and_every_component_is_rendered() -> None:
    found = targets()
    assert {Target("production"), Target("single")} <= set(found)
    rendered = {each for target in found for each in target.components}
    components = {each.parent.name for each in ROOT.glob(f"{K8S}/components/*/kustomization.yaml")}
    # The store is part of production already.
    assert rendered == components - {"valkey"}
    assert all(Target("production", (each,)) in found for each in rendered)


def test_components_that_exclude_each_other_are_each_tried_with_all_others() -> None:
    together = [set(each.components) for each in targets() if len(each.components) > 5]
    for one, other in EITHER.items():
        assert any(one in each and other not in each for each in together)
        assert any(other in each and one not in each for each in together)


def test_what_changes_a_kind_comes_last() -> None:
    assert ordered(["journal-volumes", "a", "z"], "a") == ("z", "journal-volumes")


def test_what_cannot_be_rendered_is_said_in_kustomizes_words() -> None:
    with pytest.raises(RenderError, match="nowhere"):
        render(Target("nowhere"))


def test_a_target_is_named_by_its_path() -> None:
    target = Target("single", ("ingress",))
    assert target.source == "deploy/k8s/overlays/single + ingress"
    assert Path(ROOT, target.source.split(" ")[0]).is_dir()


def test_the_images_tag_is_this_version() -> None:
    from runtime.version import VERSION

    images = {
        container["image"]
        for name in ("gateway", "token-service")
        for container in _containers(name)
    }
    assert images == {f"copilot-gateway:{VERSION}"}


def _containers(name: str) -> list[dict[str, str]]:
    pods = render(Target("single")).pods_of(name)
    assert pods is not None
    containers: list[dict[str, str]] = list(pods.spec["containers"])
    return containers
