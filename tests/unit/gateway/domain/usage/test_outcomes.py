"""How a request ended in the ledger's words, from every word of the access log."""

import pytest

from gateway.domain.errors import Fault
from gateway.domain.stream_ends import StreamEnd
from gateway.domain.usage.outcomes import is_partial, outcome_of
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
    assert is_partial(outcome, fault, attempts) is partial
