"""The audit stream: a line for what is new, a count for what is the same."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.clock import FakeClock, settle
from token_service.adapters.audit_log import (
    AUDIT_LOGGER,
    BATCH,
    MOST_KEYS,
    OTHERS,
    UNFIT,
    WINDOW_SECONDS,
    AuditLog,
)

pytestmark = pytest.mark.anyio

Line = tuple[str, dict[str, Any]]


class Lines(logging.Handler):
    """The lines as (message, fields)."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append((record.getMessage(), record.__dict__["fields"]))


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    logging.getLogger(AUDIT_LOGGER).addHandler(handler)
    yield handler
    logging.getLogger(AUDIT_LOGGER).removeHandler(handler)


def counts(written: list[Line]) -> list[tuple[str, int]]:
    return [(message, values["count"]) for message, values in written]


def test_the_same_grant_is_one_line_and_a_count(lines: Lines) -> None:
    audit = AuditLog(FakeClock())
    for _ in range(1000):
        audit.granted("gateway", "GetCopilotToken", "seat-1", "id-1", 7)
    audit.granted("gateway", "GetCopilotToken", "seat-1", "id-2", 8)
    assert counts(lines.written) == [("granted", 1), ("granted", 1)]
    audit.close()

    assert counts(lines.written)[2:] == [("granted again", 999)]
    assert lines.written[2][1] == {
        "caller": "gateway",
        "method": "GetCopilotToken",
        "account": "seat-1",
        "token_id": "id-1",
        "generation": 7,
        "count": 999,
    }


async def test_counts_are_written_at_the_end_of_each_window(lines: Lines) -> None:
    clock = FakeClock()
    audit = AuditLog(clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(audit.run())
        for _ in range(3):
            audit.refused("ci", "GetCopilotToken", "seat-1", "ACCOUNT_NOT_FOUND")
        await clock.advance(WINDOW_SECONDS)
        audit.refused("ci", "GetCopilotToken", "seat-1", "ACCOUNT_NOT_FOUND")
        await clock.advance(WINDOW_SECONDS)
        running.cancel()

    assert counts(lines.written) == [("refused", 1), ("refused again", 2), ("refused", 1)]


class Steps(FakeClock):
    """Each sleep lasts until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        await self.gate.acquire()


async def test_many_counts_are_written_in_batches_and_none_is_lost(lines: Lines) -> None:
    """The event loop serves calls between two batches, and the service may end there."""
    clock = Steps()
    audit = AuditLog(clock)
    for number in range(3 * BATCH):
        audit.granted("gateway", "m", f"seat-{number}", "id", 1)
        audit.granted("gateway", "m", f"seat-{number}", "id", 1)
    lines.written.clear()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(audit.run())
        clock.gate.release()
        await settle()
        assert len(lines.written) == BATCH
        running.cancel()
    audit.close()

    assert len({values["account"] for _, values in lines.written}) == 3 * BATCH


def test_what_a_caller_invents_does_not_grow_without_bounds(lines: Lines) -> None:
    audit = AuditLog(FakeClock())
    for number in range(MOST_KEYS + 500):
        audit.refused("ci", "GetCopilotToken", f"seat-{number}", "ACCOUNT_NOT_FOUND")
    for number in range(500):
        audit.granted("ci", "GetCopilotToken", "seat", f"id-{number}", number)
    assert len(lines.written) == MOST_KEYS
    audit.close()

    rest = [(message, each["account"], each["count"]) for message, each in lines.written]
    assert sorted(rest[MOST_KEYS:]) == [
        ("granted again", OTHERS, 500),
        ("refused again", OTHERS, 500),
    ]


@pytest.mark.parametrize("name", ["a\nb", "x" * 65, "seat 1", "Bearer x", "\u202e", "{}"])
def test_a_name_that_no_account_has_is_not_written(lines: Lines, name: str) -> None:
    """It is the caller's text: it could forge a line, or be a secret in the wrong field."""
    AuditLog(FakeClock()).refused("ci", "GetCopilotToken", name, "ACCOUNT_NOT_FOUND")

    assert lines.written[0][1]["account"] == UNFIT


def test_it_is_written_whatever_the_logs_level_is(lines: Lines) -> None:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        AuditLog(FakeClock()).granted("gateway", "m", "seat-1", "id", 1)
    finally:
        root.setLevel(before)

    assert counts(lines.written) == [("granted", 1)]
