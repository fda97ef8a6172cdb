"""The gateway's audit: each refusal once, then counted; and nothing secret."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from gateway.adapters.audit_log import OTHERS, AuditLog
from gateway.domain.errors import Fault
from runtime import logs
from runtime.repeats import MOST_KEYS
from tests.fakes.clock import FakeClock


@pytest.fixture
def written() -> Iterator[StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = StringIO()
    logs.setup("error", "json", stream)
    yield stream
    root.handlers[:], root.level = before, level


def lines(written: StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {each["logger"] for each in found} <= {"gateway.audit"}
    ours = ("message", "reason", "address", "key", "count")
    return [{name: each[name] for name in ours} for each in found]


def test_the_same_refusal_is_one_line_and_a_count_whatever_the_logs_level(
    written: StringIO,
) -> None:
    audit = AuditLog(FakeClock())
    for _ in range(1000):
        audit.refused(Fault.POLICY_GUESSING, "203.0.113.9")
    audit.refused(Fault.CALLER_KEY_EXPIRED, "203.0.113.9", "ci-bot")
    guessing = {"reason": "policy_guessing", "address": "203.0.113.9", "key": None}
    expired = {"reason": "caller_key_expired", "address": "203.0.113.9", "key": "ci-bot"}
    assert lines(written) == [
        {"message": "refused", **guessing, "count": 1},
        {"message": "refused", **expired, "count": 1},
    ]
    audit.close()
    assert lines(written)[2:] == [{"message": "refused again", **guessing, "count": 999}]


def test_addresses_without_end_are_counted_together(written: StringIO) -> None:
    audit = AuditLog(FakeClock())
    for number in range(MOST_KEYS + 5):
        audit.refused(Fault.CALLER_KEY_UNKNOWN, f"2001:db8:0:{number:x}::/64")
    audit.close()
    last = lines(written)[-1]
    assert (last["address"], last["count"]) == (OTHERS, 5)
