"""Renders overlays, and what a component makes of one, with the kustomize inside kubectl.

The kubectl is the one that the dev lock installs beside the interpreter, not one of PATH: so every
machine renders the same.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.k8s.documents import Rendering

ROOT = Path(__file__).resolve().parents[2]
K8S = Path("deploy/k8s")
NAMESPACE = "copilot-gateway"
# Those that mean the same thing, of which an installation takes one.
EITHER = {"autoscaling": "autoscaling-inflight"}
# Applied after those before it in this order; a component that is not named may come anywhere.
LAST = ("journal-volumes",)
# What a small installation may want too.
OF_SINGLE = (
    *("cert-manager", "ingress", "http-route", "issuer-keys-file", "cilium-hosts", "tracing"),
    "service-monitor",
)


class RenderError(Exception):
    """What kustomize says of a directory it cannot render."""


@dataclass(frozen=True)
class Target:
    """An overlay, and the components over it."""

    overlay: str
    components: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What is rendered, in words: a path of this repository, and what was added."""
        return " + ".join([f"{K8S}/overlays/{self.overlay}", *self.components])


def targets(root: Path = ROOT) -> list[Target]:
    """Every overlay; over `production` each component that is not part of it; some together."""
    overlays = sorted(
        each.parent.name for each in root.glob(f"{K8S}/overlays/*/kustomization.yaml")
    )
    components = _components(root)
    found = [Target(each) for each in overlays]
    found += [Target("production", (each,)) for each in components]
    found += [
        Target("production", ordered(components, leaving)) for leaving in _choices(components)
    ]
    return [*found, Target("single", tuple(each for each in OF_SINGLE if each in components))]


def ordered(components: Sequence[str], leaving: str) -> tuple[str, ...]:
    """All but one, in an order in which they can be applied."""
    kept = [each for each in components if each != leaving]
    return (*(each for each in kept if each not in LAST), *(each for each in LAST if each in kept))


def render(target: Target, root: Path = ROOT) -> Rendering:
    """Its documents. Raises RenderError."""
    overlay = root / K8S / "overlays" / target.overlay
    if not target.components:
        return Rendering(documents(overlay))
    with tempfile.TemporaryDirectory(prefix="kustomize-") as name:
        directory = Path(name).resolve()
        components = [root / K8S / "components" / each for each in target.components]
        written = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": NAMESPACE,
            # kustomize takes no absolute paths.
            "resources": [os.path.relpath(overlay.resolve(), directory)],
            "components": [os.path.relpath(each.resolve(), directory) for each in components],
        }
        (directory / "kustomization.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
        return Rendering(documents(directory))


def documents(directory: Path) -> list[dict[str, object]]:
    """What kustomize makes of a directory. Raises RenderError."""
    kubectl = Path(sys.executable).with_name("kubectl")
    done = subprocess.run(
        [str(kubectl), "kustomize", str(directory)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RenderError(done.stderr.strip())
    return [each for each in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if each]


def _components(root: Path) -> list[str]:
    """Those that `production` does not apply itself."""
    found = sorted(each.parent.name for each in root.glob(f"{K8S}/components/*/kustomization.yaml"))
    text = (root / K8S / "overlays/production/kustomization.yaml").read_text(encoding="utf-8")
    applied = {Path(each).name for each in yaml.safe_load(text).get("components", ())}
    return [each for each in found if each not in applied]


def _choices(components: Sequence[str]) -> list[str]:
    """What to leave out, so that each of two that exclude each other is tried with all others."""
    return [each for pair in EITHER.items() for each in pair if set(pair) <= set(components)]
