"""How a request ended in the ledger's words, from every word of the access log."""

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.stream_ends import StreamEnd
from gateway.domain.unreachable import Reason, UpstreamUnreachable
from gateway.domain.usage.outcomes import is_partial, leaves_cost_unknown, outcome_of
from gateway.domain.usage.record import Outcome

BY_PARTY = {
    "caller": Outcome.REFUSED,
    "policy": Outcome.REFUSED,
    "seat": Outcome.UNAVAILABLE,
    "upstream": Outcome.UNAVAILABLE,
    "gateway": Outcome.GATEWAY_ERROR,
}
OTHERWISE = {
    Fault.GATEWAY_DEADLINE: Outcome.DEADLINE,
    Fault.GATEWAY_DRAINING: Outcome.DRAINED,
    Fault.CALLER_KEY_REVOKED: Outcome.REVOKED,
    Fault.GATEWAY_TOKEN_SERVICE: Outcome.UNAVAILABLE,
}


@pytest.mark.parametrize("fault", list(Fault))
def test_a_request_that_failed_before_an_answer_ended_by_whose_fault_it_was(fault: Fault) -> None:
    party = fault.value.partition("_")[0]
    assert outcome_of("", fault.value, 500) is OTHERWISE.get(fault, BY_PARTY[party])


@pytest.mark.parametrize("end", list(StreamEnd))
def test_a_stream_that_began_ended_as_the_metric_says(end: StreamEnd) -> None:
    assert outcome_of(end.value, "upstream_cut_off", 200).value == end.value


def test_a_caller_that_had_gone_before_a_status_is_gone() -> None:
    assert outcome_of("", "", 499) is Outcome.CLIENT_GONE


def test_an_answer_without_a_fault_is_complete() -> None:
    assert outcome_of("", "", 200) is Outcome.COMPLETE


@pytest.mark.parametrize(
    ("outcome", "fault", "attempts", "partial"),
    [
        (Outcome.COMPLETE, "", 1, False),
        (Outcome.CLIENT_GONE, "", 1, True),
        (Outcome.CLIENT_GONE, "", 0, False),
        (Outcome.TRUNCATED, "upstream_cut_off", 1, True),
        (Outcome.DEADLINE, "gateway_deadline", 2, True),
        (Outcome.DRAINED, "gateway_draining", 1, True),
        (Outcome.UNAVAILABLE, "upstream_timeout", 1, True),
        (Outcome.UNAVAILABLE, "upstream_idle", 1, True),
        (Outcome.UNAVAILABLE, "seat_rate_limited", 3, False),
        (Outcome.UNAVAILABLE, "seat_unavailable", 0, False),
        (Outcome.REFUSED, "caller_context_length", 1, False),
        (Outcome.GATEWAY_ERROR, "gateway_other", 1, True),
        (Outcome.GATEWAY_ERROR, "gateway_journal_full", 0, False),
    ],
)
def test_what_may_have_cost_more_than_is_known_is_partial(
    outcome: Outcome, fault: str, attempts: int, partial: bool
) -> None:
    known = {"is_cost_unknown": False, "is_cost_said": True}
    assert is_partial(outcome, fault, attempts, **known) is partial


@pytest.mark.parametrize(
    ("is_cost_unknown", "is_cost_said", "attempts", "partial"),
    [
        (False, True, 1, False),
        (False, False, 1, True),
        (True, True, 2, True),
        (False, False, 0, False),
        (True, False, 0, False),
    ],
)
def test_a_complete_answer_is_partial_where_something_was_left_unsaid(
    is_cost_unknown: bool, is_cost_said: bool, attempts: int, partial: bool
) -> None:
    found = is_partial(
        Outcome.COMPLETE, "", attempts, is_cost_unknown=is_cost_unknown, is_cost_said=is_cost_said
    )
    assert found is partial


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("was_sent", [True, False])
def test_an_attempt_that_was_sent_and_not_answered_may_have_cost_something(
    reason: Reason, was_sent: bool
) -> None:
    assert leaves_cost_unknown(UpstreamUnreachable(reason, was_sent=was_sent)) is was_sent


@pytest.mark.parametrize(
    ("fault", "is_unknown"),
    [
        (Fault.UPSTREAM_IDLE, True),
        (Fault.UPSTREAM_TIMEOUT, True),
        (Fault.UPSTREAM_BAD_ANSWER, True),
        (Fault.UPSTREAM_UNAVAILABLE, False),
        (Fault.SEAT_RATE_LIMITED, False),
    ],
)
def test_what_upstream_refused_has_cost_nothing(fault: Fault, is_unknown: bool) -> None:
    assert leaves_cost_unknown(GatewayError(fault, "x")) is is_unknown
