"""A session named as each agent names it stays with one account, and others go elsewhere.

All sessions say the same, so that nothing but the name can tell them apart.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.sdk.asked import CLAUDE, CODEX, GPT, reached
from tests.e2e.sdk.scene import ACCOUNTS, ALIASES
from tests.servers.pair import Pair
from tests.servers.simulator import Simulator

SESSIONS = 24
"""Chance sends all of them to one of two accounts once in eight million times."""
TURNS: list[Any] = [{"role": "user", "content": "Hi"}]
LATER: list[Any] = [*TURNS, {"role": "assistant", "content": "Hi"}, *TURNS]

Request = tuple[str, dict[str, Any], dict[str, str]]


@pytest.fixture(scope="module")
def raw(
    shared_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A pair of its own: in the shared one another test's failures may have cooled an account."""
    with (
        Pair(
            tmp_path_factory.mktemp("sessions"),
            shared_simulator.base_url,
            more_credentials=[ACCOUNTS["hubot"]],
            models={"aliases": ALIASES},
        ) as pair,
        httpx.Client(
            base_url=pair.base_url,
            headers={"authorization": f"Bearer {pair.key}"},
            timeout=20,
            trust_env=False,
        ) as client,
    ):
        yield client


def claude_code(name: str, said: list[Any]) -> Request:
    user = json.dumps({"device_id": "d", "session_id": name})
    body = {"model": CLAUDE, "max_tokens": 64, "messages": said, "metadata": {"user_id": user}}
    return "/v1/messages?beta=true", body, {"x-claude-code-session-id": name}


def claude_code_without_metadata(name: str, said: list[Any]) -> Request:
    body = {"model": CLAUDE, "max_tokens": 64, "messages": said}
    return "/v1/messages?beta=true", body, {"x-claude-code-session-id": name}


def codex(name: str, said: list[Any]) -> Request:
    body = {"model": CODEX, "input": said, "prompt_cache_key": name}
    return "/v1/responses", body, {"session-id": name}


def codex_without_a_cache_key(name: str, said: list[Any]) -> Request:
    return "/v1/responses", {"model": CODEX, "input": said}, {"session-id": name}


def opencode(name: str, said: list[Any]) -> Request:
    body = {"model": GPT, "messages": said}
    return "/v1/chat/completions", body, {"x-session-affinity": name}


@pytest.mark.parametrize(
    "agent",
    [claude_code, claude_code_without_metadata, codex, codex_without_a_cache_key, opencode],
)
def test_a_session_stays_with_its_account(
    raw: httpx.Client, simulator: Simulator, agent: Callable[[str, list[Any]], Request]
) -> None:
    def accounts(said: list[Any]) -> list[str | None]:
        simulator.clear_ledger()
        for number in range(SESSIONS):
            path, body, headers = agent(f"{agent.__name__}-{number}", said)
            assert raw.post(path, json=body, headers=headers).status_code == 200
        return [seen.account for seen in reached(simulator)]

    first = accounts(TURNS)
    assert set(first) == {"octocat", "hubot"}
    assert accounts(LATER) == first
