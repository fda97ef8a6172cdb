"""A GitHub App's account from its key to an answer of the Copilot API (copilot-upstream.md §2.4).

The service's clock is days away from the simulator's: the claims hold times all the same.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from tests.fakes.app_key import app_key
from tests.servers.simulator import Simulator
from tests.servers.token_service import configured, running
from token_service.settings.document import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as made:
        yield made


@pytest.fixture
def installed(simulator: Simulator) -> Simulator:
    app = {"app_id": "Iv23test", "installation_id": 8, "public_key": app_key().public}
    account = {"login": "acme", "app": {**app, "repository_ids": [9]}}
    simulator.reset()
    simulator.load({"accounts": [account]})
    return simulator


def settings(directory: Path, simulator: Simulator, **fields: Any) -> Settings:
    app = {
        "app_id": "Iv23test",
        "installation_id": 8,
        "private_key_file": str(app_key().written(directory)),
        **fields,
    }
    account = {
        "id": "org",
        "strategy": "github_app",
        "github_app": app,
        "base_url": simulator.base_url,
        "allowed_hosts": ["127.0.0.1"],
    }
    return configured(directory, simulator.base_url, {"accounts": [account]})


async def test_an_apps_token_is_taken_by_the_api(tmp_path: Path, installed: Simulator) -> None:
    limits = {"repository_ids": [9], "permissions": {"organization_copilot_requests": "read"}}
    async with running(settings(tmp_path, installed, **limits)) as made:
        token = await made.get("org")

    assert (token.strategy, token.api_base_url) == ("github_app", installed.base_url)
    assert token.value.startswith("ghs_")
    assert 3500 < token.expires_in.seconds <= 3600
    assert 3200 < token.refresh_in.seconds <= 3300
    headers = {**token.headers, "Authorization": f"Bearer {token.value}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{token.api_base_url}/models", headers=headers)
    assert answer.status_code == 200


async def test_one_token_serves_for_its_life(tmp_path: Path, installed: Simulator) -> None:
    async with running(settings(tmp_path, installed)) as made:
        first = await made.get("org")
        await made.clock.advance(3200)
        again = await made.get("org")
        asked = [seen.status for seen in installed.ledger(endpoint="installation")]
        await made.clock.advance(3600)
        later = await made.get("org")

    assert first.token_id == again.token_id != later.token_id
    assert asked == [401, 201]  # the clocks differ


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"installation_id": 9}, "CREDENTIAL_REJECTED"),
        ({"app_id": "another"}, "CREDENTIAL_REJECTED"),
        ({"repository_ids": [10]}, "NO_COPILOT_ACCESS"),
        ({"permissions": {"contents": "write"}}, "NO_COPILOT_ACCESS"),
    ],
)
async def test_what_is_configured_wrongly_is_typed(
    tmp_path: Path, installed: Simulator, fields: dict[str, Any], reason: str
) -> None:
    async with running(settings(tmp_path, installed, **fields)) as made:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await made.get("org")

    assert raised.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert reason in str(raised.value.trailing_metadata())
