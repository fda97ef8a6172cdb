"""`make k8s` ends well with the manifests as they are, and says where something is wrong."""

import os
import re
from pathlib import Path

import pytest

from tests.servers.process import ROOT
from tools.k8s import __main__ as command
from tools.k8s.documents import Rendering
from tools.k8s.provided import CONFIG_MAPS, SECRETS
from tools.k8s.render import K8S, RenderError, Target, documents
from tools.k8s.rules.table import broken


@pytest.mark.slow
def test_every_overlay_and_component_is_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main() == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].startswith("deploy/k8s/overlays/production: ")
    assert all("no findings" in line for line in lines[:-1])
    assert "by shape alone: HTTPRoute" in printed.out
    assert lines[-1].endswith("rules: ok")


def test_a_finding_has_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pod = {"containers": [{"name": "x", "image": "x:latest"}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    document = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}
    monkeypatch.setattr(command, "targets", lambda: [Target("broken")])
    monkeypatch.setattr(command, "render", lambda _: Rendering([{**document, "spec": spec}]))
    assert command.main() == 1
    printed = capsys.readouterr()
    assert "findings" in printed.out
    assert "FAILED" in printed.out
    where = "deploy/k8s/overlays/broken: Deployment/x spec.template.spec.containers[x].image: "
    assert f"{where}x:latest: name a tag other than latest" in printed.err
    assert "(images are pinned)" in printed.err


def test_what_cannot_be_rendered_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(target: Target) -> Rendering:
        raise RenderError("no such field")

    monkeypatch.setattr(command, "targets", lambda: [Target("broken")])
    monkeypatch.setattr(command, "render", fails)
    assert command.main() == 1
    assert "no such field" in capsys.readouterr().err


def test_what_has_to_be_provided_is_documented() -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    own = CONFIG_MAPS - {"kube-root-ca.crt"}
    assert [each for each in sorted(SECRETS | own) if f"`{each}`" not in page] == []


def test_every_component_is_documented() -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    components = [each.parent.name for each in ROOT.glob(f"{K8S}/components/*/kustomization.yaml")]
    assert [each for each in sorted(components) if f"`{each}`" not in page] == []


def test_the_overlay_that_the_page_shows_can_be_rendered(tmp_path: Path) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    (text,) = re.findall(r"```yaml\n# kustomization.yaml\n(.*?)```", page, re.DOTALL)
    checkout = os.path.relpath(ROOT, tmp_path)
    text = text.replace("- copilot-gateway/deploy", f"- {checkout}/deploy")
    (tmp_path / "kustomization.yaml").write_text(text.replace("sha256:…", f"sha256:{64 * '0'}"))
    for name in ("gateway", "token-service"):
        own = (ROOT / f"deploy/k8s/overlays/production/{name}.yaml").read_text()
        (tmp_path / f"{name}.yaml").write_text(f"# yours\n{own}")
    rendering = Rendering(documents(tmp_path))
    assert list(broken(rendering)) == []
    pods = rendering.pods_of("gateway")
    assert pods is not None
    assert pods.spec["containers"][0]["image"].startswith("registry.example/copilot-gateway@sha")
    assert "# yours" in str(rendering.named("ConfigMap", "gateway-config"))
