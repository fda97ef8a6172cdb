"""How streams end, in the words of the metric."""

import pytest

from gateway.domain.errors import Fault
from gateway.domain.stream_ends import StreamEnd, end_of


@pytest.mark.parametrize(
    ("fault", "has_begun", "end"),
    [
        (Fault.UPSTREAM_CUT_OFF, True, StreamEnd.TRUNCATED),
        (Fault.UPSTREAM_TRUNCATED, True, StreamEnd.TRUNCATED),
        (Fault.UPSTREAM_IDLE, True, StreamEnd.IDLE),
        (Fault.UPSTREAM_STREAM_ERROR, True, StreamEnd.UPSTREAM_ERROR),
        (Fault.SEAT_RATE_LIMITED, True, StreamEnd.UPSTREAM_ERROR),
        (Fault.SEAT_RATE_LIMITED, False, StreamEnd.UNAVAILABLE),
        (Fault.GATEWAY_DEADLINE, True, StreamEnd.DEADLINE),
        (Fault.GATEWAY_DRAINING, False, StreamEnd.DRAINED),
    ],
)
def test_a_fault_ends_a_stream(fault: Fault, has_begun: bool, end: StreamEnd) -> None:
    assert end_of(fault, has_begun) is end


def test_no_fault_looks_like_a_good_end() -> None:
    for fault in Fault:
        for has_begun in (True, False):
            assert end_of(fault, has_begun) not in (StreamEnd.COMPLETE, StreamEnd.CLIENT_GONE)
