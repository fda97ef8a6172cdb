"""token_service dies and comes back under the running gateway."""

import time
from pathlib import Path

import httpx
import pytest

from tests.servers.pair import Pair
from tests.servers.simulator import Simulator

LIFE_SECONDS = 15
REFRESH_SECONDS = 3
FRESHNESS = {"renew_before_seconds": 1, "renew_jitter_seconds": 0, "min_remaining_seconds": 0.5}
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


def ask(pair: Pair) -> httpx.Response:
    return httpx.post(
        pair.base_url + "/copilot/v1/chat/completions",
        json=BODY,
        headers={"x-api-key": pair.key},
        timeout=20,
        trust_env=False,
    )


def exchanges(simulator: Simulator) -> int:
    return len(simulator.ledger(endpoint="exchange"))


def tokens_used(simulator: Simulator) -> set[str]:
    """Fingerprints of the tokens upstream was shown with requests."""
    return {seen.headers["authorization"] for seen in simulator.ledger(endpoint="chat")}


@pytest.mark.slow
def test_requests_go_on_with_the_cached_token_and_renewal_works_once_it_is_back(
    tmp_path: Path,
) -> None:
    with Simulator() as simulator:
        simulator.load(
            {"token": {"life_seconds": LIFE_SECONDS, "refresh_in_seconds": REFRESH_SECONDS}}
        )
        with Pair(tmp_path, simulator.base_url, freshness=FRESHNESS) as pair:
            assert ask(pair).status_code == 200
            issued_at = time.monotonic()
            pair.broker.kill()
            while time.monotonic() < issued_at + REFRESH_SECONDS + 1:
                assert ask(pair).status_code == 200, "a token that lives was not used"
            assert exchanges(simulator) == 1
            with pair.new_broker():
                died_at = issued_at + LIFE_SECONDS
                while len(tokens_used(simulator)) < 2:
                    assert time.monotonic() < died_at, "renewal did not come back by itself"
                    assert ask(pair).status_code == 200, "a token that lives was not used"
                assert exchanges(simulator) >= 2


@pytest.mark.slow
def test_without_a_token_the_outage_is_said_and_ends_by_itself(tmp_path: Path) -> None:
    with Simulator() as simulator, Pair(tmp_path, simulator.base_url) as pair:
        pair.broker.kill()
        refused = ask(pair)
        assert refused.status_code == 503
        assert refused.headers["x-gateway-error"] == "gateway_token_service"
        assert int(refused.headers["retry-after"]) >= 1
        with pair.new_broker():
            deadline = time.monotonic() + 10
            while ask(pair).status_code != 200:
                assert time.monotonic() < deadline, "the gateway did not find the broker again"
                time.sleep(0.1)
