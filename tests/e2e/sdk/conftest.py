"""The running pair as clients find it (scene.py), and one of each client."""

from collections.abc import AsyncIterator, Iterator

import anthropic
import httpx
import openai
import pytest

from tests.e2e.sdk.scene import ACCOUNTS, ALIASES, MARKING, SCENARIO
from tests.servers.pair import Pair
from tests.servers.simulator import Simulator


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        simulator.load(SCENARIO)
        yield simulator


@pytest.fixture(scope="session")
def pair(shared_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with Pair(
        tmp_path_factory.mktemp("strict"),
        shared_simulator.base_url,
        more_credentials=[ACCOUNTS["hubot"]],
        models={"aliases": ALIASES},
        more_keys={MARKING: {"may_mark_agent": True}},
    ) as pair:
        yield pair


# Making a client takes longer than most tests do, so there is one of each.


@pytest.fixture(scope="session")
def client(pair: Pair) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=pair.base_url + "/v1", api_key=pair.key, max_retries=0, timeout=20
    ) as client:
        yield client


@pytest.fixture(scope="session")
async def async_client(pair: Pair) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=pair.base_url + "/v1", api_key=pair.key, max_retries=0, timeout=20
    ) as client:
        yield client


@pytest.fixture(scope="session")
def claude(pair: Pair) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=pair.base_url, api_key=pair.key, max_retries=0, timeout=20
    ) as client:
        yield client


@pytest.fixture(scope="session")
async def async_claude(pair: Pair) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """With the key as a bearer token, as Claude Code sends it."""
    async with anthropic.AsyncAnthropic(
        base_url=pair.base_url, auth_token=pair.key, max_retries=0, timeout=20
    ) as client:
        yield client


@pytest.fixture(scope="session")
def raw(pair: Pair) -> Iterator[httpx.Client]:
    """A client of no kind, with the key, for requests as they are written down."""
    headers = {"authorization": f"Bearer {pair.key}", "content-type": "application/json"}
    with httpx.Client(
        base_url=pair.base_url, headers=headers, timeout=20, trust_env=False
    ) as client:
        yield client
