"""The configurations in the manifests are ones that the services accept."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.certificates import Authority, Pair, dns
from tests.servers.jwt_issuer import Issuer
from tests.servers.process import ROOT, clean_environment
from tools.k8s.documents import Pods, Rendering, configuration_path
from tools.k8s.render import Target, render

pytestmark = pytest.mark.slow

# Where volumes of the cluster lie; below a directory of the test they are there as well.
PLACES = ("/run/secrets/", "/var/lib/gateway")


def secrets(directory: Path, authority: Authority, pair: Pair) -> None:
    """What whoever operates a cluster provides, and what the cluster projects."""
    files = {
        "accounts/seat-1": b"ghu_one",
        "accounts/seat-2": b"ghu_two",
        "cluster/ca.crt": authority.ca,
        "cluster/token": b"token",
        "cluster/jwks.json": Issuer().jwks(),
        "database/password": b"word",
        "store-key/keys": base64.b64encode(bytes(32)),
        "store/password": b"word",
        "tls/tls.crt": pair.cert,
        "tls/tls.key": pair.key,
        "token-service-ca/ca.crt": authority.ca,
        "token-service/token": b"token",
    }
    for name, content in files.items():
        path = directory / "run/secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def relocated(text: str, directory: Path) -> str:
    for place in PLACES:
        text = text.replace(place, f"{directory}{place}")
    return text


def configuration(rendering: Rendering, pods: Pods) -> str:
    name = Path(configuration_path(pods.spec["containers"][0])).name
    (found,) = [each for each in rendering.of("ConfigMap") if name in each["data"]]
    return str(found["data"][name])


@pytest.mark.parametrize(
    ("target", "workload", "says"),
    [
        (Target("single"), "token-service", "callers known by kubernetes: gateway"),
        (Target("single"), "gateway", "usage.db"),
        (Target("production"), "token-service", "store valkey://valkey:6379/0"),
        (Target("production"), "gateway", "postgresql://gateway@postgres.example:5432/usage"),
        (Target("production", ("tracing",)), "gateway", "gateway"),
        (Target("production", ("issuer-keys-file", "tracing")), "token-service", "seat-2"),
    ],
    ids=lambda each: each.source.rpartition("/")[2] if isinstance(each, Target) else None,
)
def test_a_service_accepts_its_configuration(
    tmp_path: Path, target: Target, workload: str, says: str
) -> None:
    authority = Authority()
    secrets(tmp_path, authority, authority.issue("token-service", [dns("token-service")]))
    rendering = render(target)
    pods = rendering.pods_of(workload)
    assert pods is not None
    path = tmp_path / "configuration.yaml"
    path.write_text(relocated(configuration(rendering, pods), tmp_path))
    container = pods.spec["containers"][0]
    variables = {
        each["name"]: relocated(each["value"], tmp_path) for each in container.get("env", ())
    }
    _, *module = container["command"][:3]
    done = subprocess.run(
        [sys.executable, *module, "--config", str(path), "--check"],
        cwd=ROOT,
        env=clean_environment(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
