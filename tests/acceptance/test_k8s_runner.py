"""The runner of manifests itself, over a small one: what it carries out, and what it refuses."""

import asyncio
import copy
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import yaml

from tests.servers.cluster import sandbox
from tests.servers.cluster.api_server import ApiServer
from tests.servers.cluster.cluster import Cluster, NotRolledOut
from tests.servers.cluster.manifests import Manifests

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.why_not()), reason=f"pods as processes: {sandbox.why_not()}"),
]

WAIT_SECONDS = 20.0
SHOWN = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shown, namespace: small}
spec:
  replicas: 2
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: shown}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10002}
      containers:
        - name: web
          command: [python, -m, http.server]
          args: ["$(PORT)", --bind, 0.0.0.0, --directory, /srv/shown]
          env:
            - {name: PORT, value: "8080"}
            - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
          ports: [{name: http, containerPort: 8080}]
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          startupProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1, failureThreshold: 5}
          readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
          volumeMounts:
            - {name: content, mountPath: /srv/shown}
            - {name: secret, mountPath: /etc/secret, readOnly: true}
            - {name: scratch, mountPath: /var/scratch}
            - {name: token, mountPath: /var/run/token, readOnly: true}
      volumes:
        - {name: content, configMap: {name: content-abc123}}
        - {name: secret, secret: {secretName: provided, defaultMode: 0400}}
        - {name: scratch, emptyDir: {sizeLimit: 1Mi}}
        - name: token
          projected:
            sources:
              - serviceAccountToken: {path: token, audience: somebody, expirationSeconds: 600}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: content-abc123, namespace: small}
data: {ready: "yes", index.html: first}
---
apiVersion: v1
kind: Service
metadata: {name: shown, namespace: small}
spec: {selector: {app: shown}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: each-shown, namespace: small}
spec: {clusterIP: None, selector: {app: shown}, ports: [{name: http, port: 8080}]}
"""


def small() -> dict[str, dict[str, Any]]:
    """The manifests, by kind and name, for a test to change."""
    documents = list(yaml.safe_load_all(SHOWN))
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in documents}


def web(documents: Mapping[str, Any]) -> dict[str, Any]:
    """The one container."""
    (container,) = documents["Deployment/shown"]["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def running(directory: Path, documents: Mapping[str, Any], api: ApiServer) -> Cluster:
    return Cluster(
        Manifests(list(documents.values())),
        directory,
        secrets={"provided": {"word": b"hidden"}},
        rewritten=lambda name, key, content: content,
        programs={},
        api=api,
        pace=5,
        lag=0.1,
    )


async def test_a_pod_finds_what_its_manifest_says(tmp_path: Path) -> None:
    api = ApiServer()
    async with running(tmp_path, small(), api) as cluster:
        await cluster.until_rolled_out(WAIT_SECONDS)
        pod = cluster.pods("shown")[0]
        (container,) = pod.containers

        async def said(*command: str) -> str:
            code, output = await container.execute(["sh", "-c", *command])
            assert code == 0, output
            return output.strip()

        assert await said("id -u; id -g; id -G") == "10001\n10001\n10001 10002"
        assert await said("cat /etc/secret/word; stat -Lc %a:%g /etc/secret/word") == (
            "hidden440:10002"
        )
        assert await said("echo $POD_IP; hostname") == f"{pod.facts.ip}\n{pod.facts.name}"
        assert await said("echo $SHOWN_SERVICE_PORT $EACH_SHOWN_SERVICE_PORT") == "80"
        assert await said("grep -c Cap.....0000000000000000 /proc/1/status") == "5"
        assert await said("grep NoNewPrivs /proc/1/status") == "NoNewPrivs:\t1"
        assert await said("touch /var/scratch/here && echo written") == "written"
        assert (await container.execute(["touch", "/tmp/here"]))[0] != 0
        assert (await container.execute(["touch", "/srv/shown/here"]))[0] != 0
        token = await said("cat /var/run/token/token")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["aud"] == ["somebody"]
        assert claims["sub"] == "system:serviceaccount:small:default"
        addresses = await said("getent ahostsv4 each-shown | cut -d' ' -f1 | sort -u")
        assert addresses.split() == sorted(each.facts.ip for each in cluster.pods("shown"))
    assert not container.is_alive


async def test_a_rolling_update_keeps_to_its_bounds(tmp_path: Path) -> None:
    async with running(tmp_path, small(), ApiServer()) as cluster:
        await cluster.until_rolled_out(WAIT_SECONDS)
        workload, former = cluster.workloads["shown"], cluster.pods("shown")
        workload.begin_counting()
        workload.restart("once")
        await cluster.until_rolled_out(WAIT_SECONDS)
        assert (workload.least, workload.most) == (2, 3)
        assert not set(former) & set(cluster.pods("shown"))
        # http.server has no handler for SIGTERM, and PID 1 has no default: its grace runs out.
        assert all(pod.was_killed for pod in former)
        # The Service's address is served by this process.
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(cluster.url("shown", "http"))).text == "first"


async def test_a_pod_that_is_to_end_gets_no_new_connections_though_it_is_ready(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, small(), ApiServer()) as cluster:
        await cluster.until_rolled_out(WAIT_SECONDS)
        pod, service = cluster.pods("shown")[0], cluster.services["shown"]
        assert service.knows(pod)
        cluster.node.end(pod)
        while service.knows(pod):
            assert not pod.has_ended
            await asyncio.sleep(0.02)
        assert pod.is_ready


async def test_a_container_that_ends_is_started_again(tmp_path: Path) -> None:
    async with running(tmp_path, small(), ApiServer()) as cluster:
        await cluster.until_rolled_out(WAIT_SECONDS)
        pod = cluster.pods("shown")[0]
        pod.containers[0].signal(signal.SIGKILL)
        while pod.is_ready:
            await asyncio.sleep(0.01)
        await cluster.until_rolled_out(WAIT_SECONDS)
        assert pod in cluster.pods("shown")
        assert (pod.restarts, len(pod.containers[0].exits)) == (1, 1)


def with_probe(**how: Any) -> dict[str, Any]:
    documents = small()
    web(documents)["startupProbe"]["httpGet"].update(how)
    return documents


def without_file() -> dict[str, Any]:
    documents = small()
    del documents["ConfigMap/content-abc123"]["data"]["ready"]
    return documents


def with_other_port() -> dict[str, Any]:
    documents = small()
    web(documents)["ports"][0]["containerPort"] = 8081
    return documents


def without_secret() -> dict[str, Any]:
    documents = small()
    text = yaml.safe_dump(documents["Deployment/shown"]).replace("provided", "unheard-of")
    return {**documents, "Deployment/shown": yaml.safe_load(text)}


def with_root() -> dict[str, Any]:
    documents = copy.deepcopy(small())
    del documents["Deployment/shown"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"]
    return documents


def with_a_wrong_word() -> dict[str, Any]:
    documents = small()
    web(documents)["command"][2] = "http.servant"
    return documents


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        (with_probe(path="/nowhere"), "/nowhere of port 8080 answered 404"),
        (with_probe(port="metrics"), "no container has a port named metrics"),
        (with_other_port(), "ConnectionRefusedError"),
        (without_file(), "/ready of port 8080 answered 404"),
        (without_secret(), "nobody provides the Secret unheard-of"),
        (with_root(), "runAsNonRoot"),
        (with_a_wrong_word(), "No module named http.servant"),
    ],
    ids=[
        "probe path", "port name", "container port", "mounted file", "secret", "root", "command",
    ],
)  # fmt: skip
async def test_manifests_that_cannot_run_do_not(
    tmp_path: Path, documents: dict[str, Any], said: str
) -> None:
    async with running(tmp_path, documents, ApiServer()) as cluster:
        with pytest.raises(NotRolledOut) as refused:
            await cluster.until_rolled_out(1.5)
    assert said in str(refused.value)
