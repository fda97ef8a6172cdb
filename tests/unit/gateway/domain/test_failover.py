"""What follows from a failure: an independent table, and the limits of a journey."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Fault
from gateway.domain.failover import (
    COOLING,
    TABLE,
    Action,
    Journey,
    Penalty,
    Policy,
    client_pause,
    cool_seconds,
    decide,
)
from gateway.domain.upstream_errors import explain, read_refusal

DAY = 86_400.0
STOP, MOVE, RENEW, STRIP = Action.STOP, Action.MOVE, Action.RENEW, Action.STRIP


def error(code: str) -> bytes:
    return json.dumps({"error": {"message": "said upstream", "code": code}}).encode()


def test_every_fault_has_a_row_with_a_reason() -> None:
    assert set(TABLE) == set(Fault)
    assert all(row.why for row in TABLE.values())


def test_only_what_is_set_aside_for_a_time_has_a_time() -> None:
    for fault, row in TABLE.items():
        assert (row.default_seconds > 0) is (row.penalty in COOLING), fault


# What upstream says, what becomes of the request the first time and what of the account, and for
# how long if upstream does not say. Written from the issue and the reference, not from TABLE.
ANSWERS: list[tuple[int, bytes, Action, str, float]] = [
    (400, error("model_not_supported"), STOP, "none", 0),
    (400, error("unsupported_api_for_model"), STOP, "none", 0),
    (400, error("model_max_prompt_tokens_exceeded"), STOP, "none", 0),
    (400, error("invalid_request_body"), STOP, "none", 0),
    (400, error("previous_response_not_found"), STOP, "none", 0),
    (400, b"Bad Request\n", STOP, "none", 0),
    (400, b"missing Editor-Version header for IDE auth", STOP, "none", 0),
    (400, error("rate_limited"), MOVE, "account", 60),
    (400, error("invalid_encrypted_content"), STRIP, "none", 0),
    (401, b"unauthorized: token expired", RENEW, "strike", 0),
    (401, b"Invalid auto-mode selector\n", STOP, "none", 0),
    (402, error("quota_exceeded"), STOP, "account", 3600),
    (402, error("session_quota_exceeded"), STOP, "account", 3600),
    (403, b"unauthorized: not authorized to use this Copilot feature\n", STOP, "none", 0),
    (403, b"Please review our [Terms of Service](x)", STOP, "client", 60),
    (404, b"404 page not found\n", STOP, "none", 0),
    (408, error("user_request_timeout"), MOVE, "strike", 0),
    (413, error(""), STOP, "none", 0),
    (418, b"", STOP, "none", 0),
    (421, b"Misdirected Request\n", RENEW, "account", 60),
    (422, b"", STOP, "none", 0),
    (424, b"", STOP, "none", 0),
    (429, error("rate_limited"), MOVE, "account", 60),
    (429, error("user_global_rate_limited"), MOVE, "account", 60),
    (429, error("user_weekly_rate_limited"), MOVE, "account", 60),
    (429, error("user_model_rate_limited:gpt-5.4"), MOVE, "model", 60),
    (429, error("model_overloaded"), MOVE, "model", 10),
    (429, error("integration_rate_limited"), STOP, "client", 60),
    (466, b"the specified API version is no longer supported", STOP, "client", 60),
    (499, b"", STOP, "none", 0),
    (500, b"Internal Server Error\n", MOVE, "strike", 0),
    (502, b"<html>", MOVE, "strike", 0),
    (503, b"upstream connect error", MOVE, "strike", 0),
    (504, b"<html>", MOVE, "strike", 0),
    (302, b"", MOVE, "strike", 0),
]
PENALTIES = {
    "none": Penalty.NONE,
    "account": Penalty.COOL_ACCOUNT,
    "model": Penalty.COOL_SEAT_MODEL,
    "strike": Penalty.STRIKE,
    "client": Penalty.CLIENT,
}


@pytest.mark.parametrize(("status", "body", "action", "penalty", "seconds"), ANSWERS)
def test_an_answer_has_its_consequences(
    status: int, body: bytes, action: Action, penalty: str, seconds: float
) -> None:
    fault = explain(read_refusal(status, {}, body, 0.0)).fault
    assert decide(fault, Journey(), Policy()) is action
    assert TABLE[fault].penalty is PENALTIES[penalty]
    assert cool_seconds(fault, None) == seconds


# The same for what is no answer: the broker's word, the connection, this gateway.
OTHERS: list[tuple[str, Action, str, float]] = [
    ("seat_unknown", MOVE, "account", 60),
    ("seat_credential", MOVE, "account", 60),
    ("seat_no_access", MOVE, "account", 60),
    ("seat_token_unavailable", MOVE, "account", 10),
    ("seat_busy", MOVE, "none", 0),
    ("seat_unavailable", STOP, "none", 0),
    ("upstream_unavailable", MOVE, "strike", 0),
    ("upstream_timeout", MOVE, "strike", 0),
    ("upstream_idle", MOVE, "strike", 0),
    ("upstream_bad_answer", MOVE, "strike", 0),
    ("upstream_cut_off", MOVE, "strike", 0),
    ("upstream_truncated", MOVE, "strike", 0),
    ("upstream_stream_error", MOVE, "strike", 0),
    ("gateway_token_service", MOVE, "none", 0),
    ("gateway_deadline", STOP, "none", 0),
    ("gateway_draining", STOP, "none", 0),
    ("gateway_vision_header", STOP, "none", 0),
    ("gateway_other", STOP, "none", 0),
    ("policy_concurrency", STOP, "none", 0),
    ("policy_paused", STOP, "none", 0),
    ("policy_budget", STOP, "none", 0),
    ("policy_rate", STOP, "none", 0),
    ("policy_group", STOP, "none", 0),
    ("policy_token", STOP, "none", 0),
    ("policy_guessing", STOP, "none", 0),
    ("caller_key_revoked", STOP, "none", 0),
    ("caller_key_token", STOP, "none", 0),
    ("gateway_keys", STOP, "none", 0),
    ("gateway_issuer", STOP, "none", 0),
    ("policy_budget_unknown", STOP, "none", 0),
    ("gateway_journal_full", STOP, "none", 0),
    ("gateway_ledger", STOP, "none", 0),
    ("caller_body_invalid", STOP, "none", 0),
]


@pytest.mark.parametrize(("word", "action", "penalty", "seconds"), OTHERS)
def test_what_is_no_answer_has_its_consequences(
    word: str, action: Action, penalty: str, seconds: float
) -> None:
    fault = Fault(word)
    assert decide(fault, Journey(), Policy()) is action
    assert TABLE[fault].penalty is PENALTIES[penalty]
    assert cool_seconds(fault, None) == seconds


def test_the_two_tables_leave_nothing_out() -> None:
    seen = {explain(read_refusal(status, {}, body, 0.0)).fault for status, body, *_ in ANSWERS}
    seen |= {Fault(word) for word, *_ in OTHERS}
    for fault in set(Fault) - seen:
        assert fault.value.startswith(("caller_", "policy_"))
        assert decide(fault, Journey(), Policy()) is STOP


@pytest.mark.parametrize(
    ("fault", "journey", "policy", "action"),
    [
        # A refused token: renew once for each account, then move.
        (Fault.SEAT_TOKEN_REJECTED, Journey(renewed=True), Policy(), MOVE),
        (Fault.SEAT_TOKEN_REJECTED, Journey(is_bound=True), Policy(), RENEW),
        (Fault.SEAT_TOKEN_REJECTED, Journey(is_bound=True, renewed=True), Policy(), STOP),
        (Fault.SEAT_TOKEN_REJECTED, Journey(has_another=False), Policy(), RENEW),
        (Fault.SEAT_TOKEN_REJECTED, Journey(budget_allows=False), Policy(), RENEW),
        (Fault.SEAT_TOKEN_REJECTED, Journey(switches=5), Policy(), RENEW),
        (Fault.SEAT_TOKEN_REJECTED, Journey(seconds_left=0.0), Policy(), STOP),
        (Fault.SEAT_WRONG_HOST, Journey(renewed=True), Policy(), MOVE),
        # Foreign state: strip once, never move.
        (Fault.SEAT_STATE_FOREIGN, Journey(stripped=True), Policy(), STOP),
        (Fault.SEAT_STATE_FOREIGN, Journey(is_bound=True), Policy(), STRIP),
        (Fault.SEAT_STATE_FOREIGN, Journey(seconds_left=-1.0), Policy(), STOP),
        # A time-out moves once, and only time-outs count for that.
        (Fault.UPSTREAM_TIMEOUT, Journey(switches=1, timeouts_moved=1), Policy(), STOP),
        (Fault.UPSTREAM_IDLE, Journey(switches=1, timeouts_moved=1), Policy(), STOP),
        (Fault.UPSTREAM_TIMEOUT, Journey(switches=2, timeouts_moved=0), Policy(), MOVE),
        (Fault.UPSTREAM_UNAVAILABLE, Journey(switches=1, timeouts_moved=1), Policy(), MOVE),
        # A used-up quota moves only in a pool, and then within the same limits.
        (Fault.SEAT_QUOTA, Journey(), Policy(on_quota="move"), MOVE),
        (Fault.SEAT_QUOTA, Journey(has_another=False), Policy(on_quota="move"), STOP),
        # The limits of every move.
        (Fault.UPSTREAM_UNAVAILABLE, Journey(is_bound=True), Policy(), STOP),
        (Fault.UPSTREAM_UNAVAILABLE, Journey(has_another=False), Policy(), STOP),
        (Fault.UPSTREAM_UNAVAILABLE, Journey(budget_allows=False), Policy(), STOP),
        (Fault.UPSTREAM_UNAVAILABLE, Journey(seconds_left=0.0), Policy(), STOP),
        (Fault.UPSTREAM_UNAVAILABLE, Journey(switches=4), Policy(), MOVE),
        (Fault.UPSTREAM_UNAVAILABLE, Journey(switches=5), Policy(), STOP),
        (Fault.UPSTREAM_UNAVAILABLE, Journey(), Policy(max_switches=0), STOP),
        (Fault.SEAT_RATE_LIMITED, Journey(switches=1), Policy(max_switches=1), STOP),
    ],
)
def test_a_journey_has_its_limits(
    fault: Fault, journey: Journey, policy: Policy, action: Action
) -> None:
    assert decide(fault, journey, policy) is action


journeys = st.builds(
    Journey,
    switches=st.integers(0, 7),
    timeouts_moved=st.integers(0, 2),
    renewed=st.booleans(),
    stripped=st.booleans(),
    is_bound=st.booleans(),
    has_another=st.booleans(),
    budget_allows=st.booleans(),
    seconds_left=st.sampled_from([-1.0, 0.0, 0.5, 100.0]),
)
policies = st.builds(Policy, st.integers(0, 6), st.sampled_from(["stop", "move"]))


@given(st.sampled_from(list(Fault)), journeys, policies)
def test_no_journey_goes_where_it_may_not(fault: Fault, journey: Journey, policy: Policy) -> None:
    action = decide(fault, journey, policy)
    assert action in (STOP, MOVE, RENEW, STRIP)
    if action is MOVE:
        assert journey.has_another
        assert journey.budget_allows
        assert not journey.is_bound
        assert journey.switches < policy.max_switches
    if action is RENEW:
        assert not journey.renewed
    if action is STRIP:
        assert not journey.stripped
    if journey.seconds_left <= 0 or TABLE[fault].penalty is Penalty.CLIENT:
        assert action is STOP


@given(st.sampled_from(list(Fault)))
def test_a_callers_own_fault_costs_no_account_anything(fault: Fault) -> None:
    if fault.value.startswith(("caller_", "policy_", "gateway_")):
        assert TABLE[fault].penalty is Penalty.NONE


@pytest.mark.parametrize(
    ("fault", "retry_after", "seconds"),
    [
        (Fault.SEAT_RATE_LIMITED, 30.0, 30.0),
        (Fault.SEAT_RATE_LIMITED, 58 * 3600.0, 58 * 3600.0),
        (Fault.SEAT_RATE_LIMITED, 7 * DAY, 7 * DAY),
        (Fault.SEAT_RATE_LIMITED, 30 * DAY, 7 * DAY),
        (Fault.SEAT_RATE_LIMITED, 0.0, 1.0),
        (Fault.SEAT_MODEL_RATE_LIMITED, 5.0, 5.0),
        (Fault.SEAT_QUOTA, 5.0, 5.0),
        (Fault.UPSTREAM_MODEL_OVERLOADED, 20.0, 20.0),
        (Fault.UPSTREAM_RATE_LIMITED, 600.0, 600.0),
        (Fault.UPSTREAM_OVERLOADED, 600.0, 0.0),
        (Fault.SEAT_BUSY, 600.0, 0.0),
        (Fault.CALLER_REQUEST_REFUSED, 600.0, 0.0),
    ],
)
def test_upstreams_word_counts_for_a_week_at_most(
    fault: Fault, retry_after: float, seconds: float
) -> None:
    assert cool_seconds(fault, retry_after) == seconds


@pytest.mark.parametrize(
    ("times", "seconds"),
    [(1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (10**9, 3600), (0, 60)],
)
def test_a_platform_that_refuses_this_client_is_left_alone_ever_longer(
    times: int, seconds: float
) -> None:
    assert client_pause(times) == seconds
