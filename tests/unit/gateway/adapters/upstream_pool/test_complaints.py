"""What the log says of an upstream that cannot be reached, and how often."""

import pytest

from gateway.adapters.upstream_pool import complaints
from gateway.adapters.upstream_pool.complaints import LOG_SECONDS, Complaints
from gateway.adapters.upstream_pool.destination import Target
from gateway.domain.unreachable import Reason
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

HERE, THERE = Target("here.example", 443, True), Target("there.example", 443, True)


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    found = [record.__dict__["fields"] for record in caplog.records]
    caplog.clear()
    return [(each["host"], each["reason"]) for each in found]


async def test_a_line_a_minute_for_each_host_and_reason(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    log = Complaints(clock.monotonic)
    for _ in range(3):
        for target in (HERE, THERE):
            log.tell(target, Reason.REFUSED)
    log.tell(HERE, Reason.CERTIFICATE)
    assert said(caplog) == [
        ("here.example", "refused"),
        ("there.example", "refused"),
        ("here.example", "certificate"),
    ]
    await clock.advance(LOG_SECONDS - 0.1)
    log.tell(HERE, Reason.REFUSED)
    assert said(caplog) == []
    await clock.advance(0.2)
    log.tell(HERE, Reason.REFUSED)
    assert said(caplog) == [("here.example", "refused")]


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complaints, "MOST_KEPT", 3)
    log = Complaints(FakeClock().monotonic)
    for n in range(10):
        log.tell(Target(f"host{n}.example", 443, True), Reason.REFUSED)
    assert len(log._silent_until) <= 3
