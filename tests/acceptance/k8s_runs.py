"""What tests over running manifests do besides asking: start them, make a key, look again."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import openai

from tests.acceptance.k8s_load import Load, long_question
from tests.acceptance.k8s_site import DATABASE_HOST, PROGRAMS, Site, provided
from tests.servers.cluster.api_server import ApiServer
from tests.servers.cluster.cluster import Cluster
from tests.servers.cluster.manifests import Manifests
from tests.servers.cluster.pod import Pod
from tests.servers.gateway_callers import answer_to
from tests.servers.simulator import Simulator

START_SECONDS = 60.0
UPDATE_SECONDS = 240.0
PATIENCE_SECONDS = 20.0
PIECE_CHARACTERS = 4
KEY = re.compile(r"cgw_\w+")
# Times of manifests are divided by this in the short form, and what happened is known so soon.
SHORT_PACE, SHORT_LAG, LAG = 5.0, 0.2, 1.0


@asynccontextmanager
async def running(
    manifests: Manifests,
    site: Site,
    directory: Path,
    api: ApiServer | None = None,
    start_seconds: float = START_SECONDS,
) -> AsyncIterator[Cluster]:
    """The manifests, rolled out."""
    cluster = Cluster(
        manifests,
        directory / "cluster",
        secrets=provided(),
        rewritten=site.rewritten,
        programs=PROGRAMS,
        api=api or ApiServer(),
        outside={DATABASE_HOST: "127.0.0.1"},
        pace=SHORT_PACE if site.is_short else 1,
        lag=SHORT_LAG if site.is_short else LAG,
    )
    async with cluster:
        await cluster.until_rolled_out(start_seconds)
        yield cluster


async def new_key(cluster: Cluster) -> str:
    """A caller's key, made in a pod; every gateway knows it when this returns."""
    pods = cluster.pods("gateway")
    words = [*command_of(pods[0])[:3], "keys", "new", "--id", "somebody", "--group", "engineering"]
    words += ["--config", config_of(pods[0])]
    code, output = await pods[0].containers[0].execute(words)
    assert code == 0, output
    key = KEY.search(output)
    assert key is not None, "no key was shown"
    for pod in pods:
        await eventually(lambda pod=pod: _knows(pod, key[0]))  # type: ignore[misc]
    return key[0]


async def checked_as_written(pod: Pod) -> None:
    """Its configuration is valid for all addresses too, where more is asked than on loopback."""
    file = config_of(pod)
    words = [*command_of(pod)[:3], "--config", "/dev/shm/as-written.yaml", "--check"]
    script = f"sed s/{pod.facts.ip}/0.0.0.0/ {file} > /dev/shm/as-written.yaml; {' '.join(words)}"
    code, output = await pod.containers[0].execute(["sh", "-euc", script])
    assert code == 0, output


def command_of(pod: Pod) -> list[str]:
    """The words its first container is started with."""
    return [str(word) for word in pod.spec["containers"][0]["command"]]


def config_of(pod: Pod) -> str:
    """The configuration its command names."""
    words = command_of(pod)
    return words[words.index("--config") + 1]


async def update_under_load(
    cluster: Cluster, load: Load, names: Sequence[str], callers: tuple[int, int], settle: float
) -> tuple[list[Pod], float]:
    """Change the template of these workloads while callers ask; the old pods, and how long it took.

    callers: how many ask for streams and for whole answers, of each kind. settle: seconds of load
    before and after.
    """
    former = [pod for name in names for pod in cluster.pods(name)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.go_on(*callers, pause=0.1))
        await asyncio.sleep(settle)
        for name in names:
            cluster.workloads[name].begin_counting()
            cluster.workloads[name].restart("under load")
        took = await cluster.until_rolled_out(UPDATE_SECONDS)
        await asyncio.sleep(settle)
        load.stopping.set()
    return former, took


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so. Raises AssertionError."""
    for _ in range(int(PATIENCE_SECONDS / 0.2)):
        if await holds():
            return
        await asyncio.sleep(0.2)
    assert await holds()


def slow_streams(simulator: Simulator, seconds: float) -> None:
    """From now on streams take this long."""
    pieces = len(answer_to(long_question(""))) / PIECE_CHARACTERS
    script = {"chunk_characters": PIECE_CHARACTERS, "chunk_delay_seconds": seconds / pieces}
    match = {"endpoint": ["chat", "messages"], "stream": True}
    simulator.faults({"match": match, "script": script})


async def _knows(pod: Pod, key: str) -> bool:
    url = f"http://{pod.facts.ip}:8080/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
        try:
            await client.models.list()
        except openai.AuthenticationError:
            return False
        except openai.InternalServerError:
            # Known, and then something else is wrong.
            return True
        return True
