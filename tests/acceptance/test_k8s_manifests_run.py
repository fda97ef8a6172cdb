"""The overlays, run: their own commands, files, users, probes, and rolling updates under load."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.acceptance.k8s_load import Load
from tests.acceptance.k8s_runs import (
    UPDATE_SECONDS,
    checked_as_written,
    eventually,
    new_key,
    running,
    slow_streams,
    update_under_load,
)
from tests.acceptance.k8s_site import Site, outside, rendered
from tests.servers.cluster import sandbox
from tests.servers.cluster.api_server import ApiServer
from tests.servers.cluster.cluster import Cluster
from tests.servers.cluster.manifests import Manifests
from tests.servers.usage_rows import usage_rows

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.why_not()), reason=f"pods as processes: {sandbox.why_not()}"),
]


@pytest.fixture
def site(tmp_path: Path, full: bool) -> Iterator[Site]:
    with outside(tmp_path, is_short=not full) as site:
        yield site


@pytest.fixture
def full_size(full: bool) -> None:
    if not full:
        pytest.skip("the full-size run has it; test_k8s_runner.py has its short form")


full_size_only = pytest.mark.usefixtures("full_size")
BOTH = ("gateway", "token-service")
Report = Callable[..., None]


async def all_is_up(cluster: Cluster) -> bool:
    """Whether every pod says that what it depends on answers."""
    gateways, brokers = cluster.pods("gateway"), cluster.pods("token-service")
    up = [await pod.metric("ops", "gateway_store_up") for pod in gateways]
    up += [await pod.metric("ops", "gateway_ledger_up") for pod in gateways]
    up += [await pod.metric("ops", "copilot_store_up") for pod in brokers]
    return set(up) == {1}


async def is_watched_by_all(cluster: Cluster) -> bool:
    """Whether each gateway has opened a stream of tokens at one of these replicas."""
    method = {"grpc_method": "WatchCopilotToken"}
    brokers = cluster.pods("token-service")
    counts = [await pod.metric("ops", "grpc_server_started_total", **method) for pod in brokers]
    return sum(counts) >= len(cluster.pods("gateway"))


def nobody_was_restarted(cluster: Cluster) -> None:
    """Raises AssertionError with what those said that were."""
    stories = [pod.story() for pod in cluster.node.pods if pod.restarts]
    assert not stories, "\n".join(stories)


def nothing_was_told(cluster: Cluster, secrets: Sequence[str]) -> None:
    """No pod wrote any of these to its output."""
    for pod in cluster.node.pods:
        text = "".join(each.whole_output() for each in pod.containers)
        assert text, f"{pod.facts.name} has said nothing at all"
        assert not any(each in text for each in secrets)


async def recorded(site: Site, number: int) -> bool:
    """Whether the operator's database has a record of every request, and no other."""
    found = len(await asyncio.to_thread(usage_rows, site.usage_url))
    return found == number


async def test_production_runs_and_a_rolling_update_fails_nothing(
    site: Site, tmp_path: Path, full: bool, report: Report
) -> None:
    """0 failed requests, 0 cut streams, 0 lost usage records, never fewer pods than wanted."""
    callers, stream_seconds, settle = ((8, 4), 30.0, 30.0) if full else ((3, 1), 3.0, 0.75)
    async with running(rendered("production"), site, tmp_path) as cluster:
        for name in BOTH:
            await checked_as_written(cluster.pods(name)[0])
        key = await new_key(cluster)
        async with Load(cluster.url("gateway", "http"), key) as load:
            await load.once()
            assert load.faults == {}
            slow_streams(site.upstream, stream_seconds)
            former, took = await update_under_load(cluster, load, BOTH, callers, settle)
            assert load.faults == {}
        nobody_was_restarted(cluster)
        assert [pod.was_killed for pod in former] == [False] * 4
        assert [pod.containers[0].exits for pod in former] == [[0]] * 4
        for name in BOTH:
            workload = cluster.workloads[name]
            assert (workload.least, workload.most) == (2, 3)
        await eventually(lambda: all_is_up(cluster))
        # The gateways have found the new replicas of token_service by its name.
        await eventually(lambda: is_watched_by_all(cluster))
        await eventually(lambda: recorded(site, load.complete))
        nothing_was_told(cluster, [key, *site.upstream.issued()])
        report(
            requests=load.complete,
            failed=0,
            streams=load.count("stream"),
            cut=0,
            lost_records=0,
            update=f"{took:.0f} s",
            slowest_end=f"{max(pod.took_to_end for pod in former):.1f} s",
        )


@full_size_only
async def test_killed_pods_are_replaced_and_only_what_they_served_is_lost(
    site: Site, tmp_path: Path, report: Report
) -> None:
    """One process by SIGKILL, then one whole pod of each service."""
    streams = 4
    async with running(rendered("production"), site, tmp_path) as cluster:
        key = await new_key(cluster)
        slow_streams(site.upstream, 5)
        # With the retries that SDKs have: some connect to what was there a moment ago.
        async with Load(cluster.url("gateway", "http"), key, retries=2) as load:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(load.go_on(streams, 2, pause=0.1))
                await asyncio.sleep(5)
                crashed = cluster.pods("gateway")[0]
                crashed.containers[0].kill()
                await asyncio.sleep(5)
                await cluster.until_rolled_out(UPDATE_SECONDS)
                for name in BOTH:
                    cluster.pods(name)[1].vanish()
                await asyncio.sleep(5)
                await cluster.until_rolled_out(UPDATE_SECONDS)
                await asyncio.sleep(5)
                load.stopping.set()
            assert crashed.restarts == 1
            lost = sum(load.faults.values())
            # Twice a gateway went, each time with what it had of the streams of both SDKs; what had
            # sent nothing yet, an SDK has asked again.
            assert all("stream" in what for what in load.faults), load.faults
            assert lost <= 2 * 2 * streams, load.faults
            report(requests=load.complete, streams_lost_with_their_gateway=lost)
            async with Load(cluster.url("gateway", "http"), key) as after:
                await after.once()
                assert after.faults == {}
        assert len(cluster.pods("gateway")) == len(cluster.pods("token-service")) == 2


@full_size_only
async def test_a_single_gateway_is_updated_without_cutting_a_stream(
    site: Site, tmp_path: Path, report: Report
) -> None:
    """It ends before the next one starts: what it serves it serves to the end, others wait."""
    async with running(rendered("single"), site, tmp_path) as cluster:
        for name in BOTH:
            await checked_as_written(cluster.pods(name)[0])
        key = await new_key(cluster)
        slow_streams(site.upstream, 20)
        async with Load(cluster.url("gateway", "http"), key) as load:
            (former,) = cluster.pods("gateway")
            async with asyncio.TaskGroup() as tasks:
                for number in range(8):
                    kind = f"{('openai', 'anthropic')[number % 2]} stream"
                    tasks.create_task(load.ask(kind, f"stream {number}"))
                await asyncio.sleep(3)
                cluster.workloads["gateway"].restart("once")
            await cluster.until_rolled_out(UPDATE_SECONDS)
            assert load.faults == {}
            # The key is in the file of SQLite, which the next pod has taken over.
            await load.once()
            assert load.faults == {}
            assert load.count("stream") == 10
        assert former.containers[0].exits == [0]
        report(requests=load.complete, cut=0, end=f"{former.took_to_end:.1f} s")


@full_size_only
async def test_with_journals_on_volumes_and_keys_from_a_file_it_runs_too(
    site: Site, tmp_path: Path, report: Report
) -> None:
    """A StatefulSet has one pod less while it is updated, and still no request fails."""
    api = ApiServer()
    documents = rendered("production", "issuer-keys-file", "journal-volumes").documents
    keys = {
        "kind": "ConfigMap",
        "metadata": {"name": "issuer-keys"},
        "data": {"jwks.json": json.dumps(json.loads(api.jwks()))},
    }
    async with running(Manifests([*documents, keys]), site, tmp_path, api) as cluster:
        key = await new_key(cluster)
        slow_streams(site.upstream, 5)
        async with Load(cluster.url("gateway", "http"), key) as load:
            former, took = await update_under_load(cluster, load, BOTH, (4, 2), 2.5)
            assert load.faults == {}
        assert api.reads == 0
        assert cluster.workloads["gateway"].least == 1
        assert [pod.was_killed for pod in former] == [False] * 4
        await eventually(lambda: recorded(site, load.complete))
        report(requests=load.complete, failed=0, update=f"{took:.0f} s")
