"""What failures do to accounts, and what that keeps from being used."""

import pytest

from gateway.adapters.board import MemoryBoard
from gateway.domain import subjects
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.obstacles import Obstacle
from gateway.domain.subjects import Kind, Subject
from gateway.domain.unreachable import Reason, UpstreamUnreachable
from gateway.health import PROBE_RETRY_SECONDS, PROBE_SECONDS, Attempt, Health
from gateway.ports.shared_state import Posted
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_ports import RecordedEvents

pytestmark = pytest.mark.anyio


class Ward:
    """Health of some accounts on a clock."""

    def __init__(self) -> None:
        self.clock, self.events = FakeClock(), RecordedEvents()
        self.board = MemoryBoard(self.clock)
        self.health = Health(self.board, self.clock, self.events)

    def fail(
        self,
        fault: Fault,
        retry_after: float | None = None,
        key: str = "key-1",
        body: bytes = b"1",
        keys: int = 5,
    ) -> None:
        attempt = Attempt("seat-1", "m", "team", "copilot", key, keys, body)
        self.health.failed(attempt, GatewayError(fault, "x", retry_after=retry_after))

    def obstacle(self, account: str = "seat-1", model: str = "m") -> Obstacle | None:
        return self.health.obstacle(account, model, "team", "copilot")


async def test_a_rate_limit_sets_the_account_aside_for_as_long_as_it_says() -> None:
    ward = Ward()
    ward.fail(Fault.SEAT_RATE_LIMITED, retry_after=58 * 3600.0)
    assert ward.obstacle() == Obstacle(Fault.SEAT_RATE_LIMITED, 58 * 3600.0)
    assert ward.obstacle("seat-2") is None
    await ward.clock.advance(58 * 3600.0 + 1)
    assert ward.obstacle() is None


async def test_a_models_rate_limit_leaves_the_accounts_other_models() -> None:
    ward = Ward()
    ward.fail(Fault.SEAT_MODEL_RATE_LIMITED, retry_after=30.0)
    assert ward.obstacle() is not None
    assert ward.obstacle(model="other") is None
    assert ward.health.states(["seat-1"]) == {"seat-1": "ok"}


async def test_one_caller_alone_opens_no_breaker() -> None:
    ward = Ward()
    for number in range(50):
        ward.fail(Fault.UPSTREAM_UNAVAILABLE, body=bytes([number]))
    assert ward.obstacle() is None
    ward.fail(Fault.UPSTREAM_UNAVAILABLE, key="key-2")
    ward.fail(Fault.UPSTREAM_UNAVAILABLE, key="key-3")
    found = ward.obstacle()
    assert found is not None
    assert found.fault is Fault.UPSTREAM_UNAVAILABLE
    assert ward.events.aside[0][0] == subjects.account("seat-1")


async def test_a_success_between_clears_what_is_held_against_an_account() -> None:
    ward = Ward()
    ward.fail(Fault.UPSTREAM_UNAVAILABLE, key="key-1")
    ward.fail(Fault.UPSTREAM_UNAVAILABLE, key="key-2")
    ward.health.succeeded("seat-1", "copilot")
    ward.fail(Fault.UPSTREAM_UNAVAILABLE, key="key-3")
    assert ward.obstacle() is None


async def test_a_callers_own_fault_costs_the_account_nothing() -> None:
    ward = Ward()
    for key in ("1", "2", "3", "4"):
        ward.fail(Fault.CALLER_REQUEST_REFUSED, key=key)
        ward.fail(Fault.SEAT_FORBIDDEN, key=key)
    assert ward.obstacle() is None
    assert ward.events.aside == []


async def test_an_idle_connection_that_upstream_closed_costs_the_account_nothing() -> None:
    """A new one that ends unanswered does: three keys' failures set the account aside."""
    ward = Ward()
    for reason in (Reason.CLOSED_IDLE, Reason.CLOSED):
        for key in ("1", "2", "3"):
            attempt = Attempt("seat-1", "m", "team", "copilot", key, 5, b"1")
            ward.health.failed(attempt, UpstreamUnreachable(reason))
        assert (ward.obstacle() is None) is (reason is Reason.CLOSED_IDLE)


async def test_what_refuses_this_client_sets_every_account_of_the_platform_aside() -> None:
    ward = Ward()
    ward.fail(Fault.UPSTREAM_CLIENT_REFUSED)
    assert ward.obstacle("seat-2") == Obstacle(Fault.UPSTREAM_CLIENT_REFUSED, 60.0)
    assert ward.health.obstacle("azure", "m", "others", "openai") is None
    assert ward.events.refusals == [("copilot", True)]


async def test_after_a_client_wide_refusal_one_request_at_a_time_finds_out() -> None:
    ward = Ward()
    ward.fail(Fault.UPSTREAM_CLIENT_REFUSED)
    await ward.clock.advance(61)
    assert ward.obstacle() is None
    assert ward.health.begin_probe("copilot") is None
    waits = ward.health.begin_probe("copilot")
    assert waits == Obstacle(Fault.UPSTREAM_CLIENT_REFUSED, PROBE_RETRY_SECONDS)
    await ward.clock.advance(PROBE_SECONDS)
    assert ward.health.begin_probe("copilot") is None
    ward.health.succeeded("seat-1", "copilot")
    assert ward.health.begin_probe("copilot") is None
    assert ward.health.begin_probe("copilot") is None
    assert ward.events.refusals == [("copilot", True), ("copilot", False)]


async def test_a_client_that_stays_refused_waits_twice_as_long() -> None:
    ward = Ward()
    ward.fail(Fault.UPSTREAM_CLIENT_REFUSED)
    await ward.clock.advance(61)
    assert ward.health.begin_probe("copilot") is None
    ward.fail(Fault.UPSTREAM_CLIENT_REFUSED)
    found = ward.obstacle()
    assert found is not None
    assert found.seconds == pytest.approx(120.0)


async def test_a_probe_that_does_not_reach_upstream_proves_nothing() -> None:
    ward = Ward()
    ward.fail(Fault.UPSTREAM_CLIENT_REFUSED)
    await ward.clock.advance(61)
    assert ward.health.begin_probe("copilot") is None
    ward.fail(Fault.UPSTREAM_UNAVAILABLE)
    assert ward.health.begin_probe("copilot") is not None
    ward.fail(Fault.CALLER_REQUEST_REFUSED)
    assert ward.health.begin_probe("copilot") is None
    assert ward.events.refusals[-1] == ("copilot", False)


async def test_only_a_platform_that_refuses_clients_can_be_closed_as_a_whole() -> None:
    ward = Ward()
    attempt = Attempt("azure", "m", "others", "openai", "key-1", 5, b"1")
    ward.health.failed(attempt, GatewayError(Fault.UPSTREAM_CLIENT_REFUSED, "x"))
    assert ward.health.obstacle("azure-2", "m", "others", "openai") is None


async def test_what_another_replica_posts_counts_here() -> None:
    ward = Ward()
    ward.board.post(subjects.account("seat-1"), Posted(30.0, "seat_rate_limited"))
    assert ward.obstacle() == Obstacle(Fault.SEAT_RATE_LIMITED, 30.0)
    ward.board.take_down(subjects.account("seat-1"))
    assert ward.obstacle() is None


async def test_a_pause_holds_until_it_is_taken_down_and_is_told_once() -> None:
    ward = Ward()
    group = Subject(Kind.GROUP, "team")
    ward.board.post(group, Posted(None, "paused"))
    await ward.clock.advance(1e6)
    assert ward.obstacle() == Obstacle(Fault.POLICY_PAUSED, None)
    ward.fail(Fault.SEAT_RATE_LIMITED)
    ward.board.take_down(group)
    assert ward.events.pauses == [(group, True), (group, False)]


async def test_a_group_moves_a_fifth_of_its_requests_and_ten_in_any_case() -> None:
    ward = Ward()
    for _ in range(10):
        assert ward.health.allows_failover("team")
        ward.health.moved("team")
    assert not ward.health.allows_failover("team")
    assert ward.health.allows_failover("another")
    await ward.clock.advance(11)
    assert ward.health.allows_failover("team")
