"""A rate in the headers that OpenAI's and Anthropic's clients read."""

import pytest

from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.budgets.standing import RateStanding
from gateway.domain.budgets.totals import Totals
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.web.problems import error_response
from gateway.web.rate_headers import duration, rate_headers

END = 1_795_608_060.0
"""2026-11-25T12:01:00Z."""
BOTH = RateStanding(
    Budget(Period.MINUTE, requests=10, tokens=1000), Totals(4, 1, 1200), END, resets_in=36.2
)
OPENAI = {
    "x-ratelimit-limit-requests": "10",
    "x-ratelimit-remaining-requests": "7",
    "x-ratelimit-reset-requests": "37s",
    "x-ratelimit-limit-tokens": "1000",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "37s",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-limit": "10",
    "anthropic-ratelimit-requests-remaining": "7",
    "anthropic-ratelimit-requests-reset": "2026-11-25T12:01:00Z",
    "anthropic-ratelimit-tokens-limit": "1000",
    "anthropic-ratelimit-tokens-remaining": "0",
    "anthropic-ratelimit-tokens-reset": "2026-11-25T12:01:00Z",
}


@pytest.mark.parametrize("protocol", [None, *Protocol])
def test_each_protocols_clients_find_the_names_they_know(protocol: Protocol | None) -> None:
    expected = OPENAI | (ANTHROPIC if protocol is Protocol.MESSAGES else {})
    assert rate_headers(BOTH, protocol) == expected


def test_what_is_not_limited_is_not_told() -> None:
    requests = RateStanding(Budget(Period.MINUTE, requests=10), Totals(1, 0, 50), END, 1.0)
    found = rate_headers(requests, Protocol.MESSAGES)
    assert len(found) == 6
    assert not any("tokens" in name for name in found)
    assert rate_headers(None, Protocol.MESSAGES) == {}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0s"), (0.1, "1s"), (59.0, "59s"), (59.5, "1m0s"), (75, "1m15s")]
)
def test_a_duration_is_written_as_openai_writes_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_error_tells_of_the_rate_too() -> None:
    error = GatewayError(Fault.SEAT_BUSY, "m").under(BOTH)
    answer = error_response(error, Protocol.MESSAGES)
    assert dict(answer.headers).items() >= (OPENAI | ANTHROPIC).items()


def test_an_error_of_many_requests_is_not_marked_with_the_rate_of_one() -> None:
    shared = GatewayError(Fault.SEAT_BUSY, "m", code="c", param="p", retry_after=2.0, allow="POST")
    one = shared.under(BOTH)
    assert (shared.rate, one.rate) == (None, BOTH)
    for name in ("fault", "message", "code", "param", "retry_after", "allow"):
        assert getattr(one, name) == getattr(shared, name)


def test_an_sdk_is_told_not_to_ask_again_of_a_budget_and_of_nothing_else() -> None:
    said = {
        fault: error_response(GatewayError(fault, "m")).headers.get("x-should-retry")
        for fault in Fault
    }
    assert {fault for fault, word in said.items() if word} == {Fault.POLICY_BUDGET}
    assert said[Fault.POLICY_BUDGET] == "false"
