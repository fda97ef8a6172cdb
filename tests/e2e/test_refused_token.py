"""Upstream takes a token back before its time: callers of the gateway do not notice."""

import time
from pathlib import Path

import httpx
import pytest

from tests.servers.pair import Pair
from tests.servers.simulator import Simulator

BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
LIFE_SECONDS = 8
FRESHNESS = {"renew_before_seconds": 1, "renew_jitter_seconds": 0, "min_remaining_seconds": 0.5}


def ask(pair: Pair) -> httpx.Response:
    return httpx.post(
        pair.base_url + "/v1/chat/completions",
        json=BODY,
        headers={"x-api-key": pair.key},
        timeout=20,
        trust_env=False,
    )


@pytest.mark.slow
def test_a_revoked_token_is_replaced_within_the_request(tmp_path: Path) -> None:
    with Simulator() as simulator:
        simulator.load(
            {"token": {"life_seconds": LIFE_SECONDS, "refresh_in_seconds": LIFE_SECONDS - 1}}
        )
        with Pair(tmp_path, simulator.base_url, freshness=FRESHNESS) as pair:
            assert ask(pair).status_code == 200
            # The broker replaces no token before a minute has passed, or half of a short life.
            time.sleep(LIFE_SECONDS / 2 + 0.2)
            simulator.change_account("octocat", revoke_tokens=True)
            simulator.clear_ledger()
            assert ask(pair).status_code == 200
            assert [seen.status for seen in simulator.ledger(endpoint="chat")] == [401, 200]
            assert len(simulator.ledger(endpoint="exchange")) == 1


@pytest.mark.slow
def test_a_token_that_is_all_but_new_is_not_replaced_and_the_refusal_is_the_answer(
    tmp_path: Path,
) -> None:
    """No complaint forces more than one exchange a minute."""
    with Simulator() as simulator, Pair(tmp_path, simulator.base_url) as pair:
        simulator.faults({"match": {"endpoint": "chat"}, "times": 1, "refusal": "token_unknown"})
        refused = ask(pair)
        assert refused.status_code == 502
        assert refused.headers["x-gateway-error"] == "seat_token_rejected"
        assert ask(pair).status_code == 200
        assert len(simulator.ledger(endpoint="exchange")) == 1
