"""The production overlay with one thing wrong in it: the run finds that."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.k8s_load import Load
from tests.acceptance.k8s_runs import new_key, running, slow_streams, update_under_load
from tests.acceptance.k8s_site import Site, outside, rendered
from tests.servers.cluster import sandbox
from tests.servers.cluster.cluster import NotRolledOut
from tests.servers.cluster.manifests import Manifests

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.why_not()), reason=f"pods as processes: {sandbox.why_not()}"),
]

START_SECONDS = 12.0
Change = Callable[[Manifests], None]


@pytest.fixture
def site(tmp_path: Path, full: bool) -> Iterator[Site]:
    if not full:
        pytest.skip("the full-size run has it; test_k8s_runner.py is its short form")
    with outside(tmp_path, is_short=True) as site:
        yield site


def pod_of(manifests: Manifests, name: str) -> Any:
    return manifests.named("Deployment", name)["spec"]["template"]["spec"]


def container_of(manifests: Manifests, name: str) -> Any:
    return pod_of(manifests, name)["containers"][0]


def volume_of(manifests: Manifests, name: str, volume: str) -> Any:
    (found,) = (each for each in pod_of(manifests, name)["volumes"] if each["name"] == volume)
    return found


def rewrite(manifests: Manifests, config_map: str, old: str, new: str) -> None:
    data: Any = manifests.named("ConfigMap", config_map)["data"]
    for file, text in data.items():
        assert old in text
        data[file] = text.replace(old, new)


def probe_path(manifests: Manifests) -> None:
    container_of(manifests, "gateway")["readinessProbe"]["httpGet"]["path"] = "/ready"


def probe_port(manifests: Manifests) -> None:
    container_of(manifests, "token-service")["startupProbe"]["httpGet"]["port"] = "grpc"


def command(manifests: Manifests) -> None:
    container_of(manifests, "gateway")["command"][-1] = "/etc/gateway/gateway.yml"


def secret_key(manifests: Manifests) -> None:
    volume_of(manifests, "token-service", "tls")["secret"]["items"][0]["path"] = "tls.pem"


def read_only(manifests: Manifests) -> None:
    mounts = container_of(manifests, "gateway")["volumeMounts"]
    (data,) = (each for each in mounts if each["mountPath"] == "/var/lib/gateway")
    data["mountPath"] = "/var/lib/elsewhere"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (probe_path, "/ready of port 9102 answered 404"),
        (probe_port, "of port 50051"),
        (command, "/etc/gateway/gateway.yml"),
        (secret_key, "/run/secrets/tls/tls.crt"),
        (read_only, "journal"),
    ],
)
async def test_such_a_manifest_does_not_roll_out(
    change: Change, said: str, site: Site, tmp_path: Path
) -> None:
    manifests = Manifests(copy.deepcopy(list(rendered("production").documents)))
    change(manifests)
    with pytest.raises(NotRolledOut) as refused:
        async with running(manifests, site, tmp_path, start_seconds=START_SECONDS):
            pass
    assert said in str(refused.value)


def audience(manifests: Manifests) -> None:
    token = volume_of(manifests, "gateway", "token-service-token")["projected"]["sources"][0]
    token["serviceAccountToken"]["audience"] = "somebody-else"


def target_name(manifests: Manifests) -> None:
    rewrite(manifests, "gateway-config", "dns:///token-service:", "dns:///token-services:")


def target_port(manifests: Manifests) -> None:
    service: Any = manifests.named("Service", "gateway")
    service["spec"]["ports"][0]["targetPort"] = "ops"


def certificate_authority(manifests: Manifests) -> None:
    items = volume_of(manifests, "gateway", "token-service-ca")["secret"]["items"]
    items[0]["key"] = "tls.crt"


@pytest.mark.parametrize("change", [audience, target_name, target_port])
async def test_such_a_manifest_rolls_out_and_serves_nobody(
    change: Change, site: Site, tmp_path: Path
) -> None:
    """Readiness is local: only traffic shows it."""
    manifests = Manifests(copy.deepcopy(list(rendered("production").documents)))
    change(manifests)
    async with running(manifests, site, tmp_path) as cluster:
        key = await new_key(cluster)
        async with Load(cluster.url("gateway", "http"), key) as load:
            await load.once()
        assert load.complete == 0


def no_drain(manifests: Manifests) -> None:
    del container_of(manifests, "gateway")["lifecycle"]


def no_grace(manifests: Manifests) -> None:
    pod_of(manifests, "gateway")["terminationGracePeriodSeconds"] = 2


@pytest.mark.parametrize("change", [no_drain, no_grace])
async def test_an_update_of_such_a_manifest_is_noticed(
    change: Change, site: Site, tmp_path: Path
) -> None:
    """Without the wait for load balancers requests fail, without the grace streams are cut."""
    if change is no_drain:
        site = replace(site, drain={"grace_seconds": 0, "stream_seconds": 30})
    manifests = Manifests(copy.deepcopy(list(rendered("production").documents)))
    change(manifests)
    async with running(manifests, site, tmp_path) as cluster:
        key = await new_key(cluster)
        slow_streams(site.upstream, 4)
        async with Load(cluster.url("gateway", "http"), key) as load:
            await update_under_load(cluster, load, ["gateway"], (4, 4), 1)
        assert load.faults != {}
