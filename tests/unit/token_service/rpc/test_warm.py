"""The same answer again for a moment, and not a moment longer than it holds."""

from typing import Any

import pytest

from protos.token_service.v1 import token_service_pb2 as pb
from tests.fakes.clock import FakeClock
from tests.fakes.service_events import FakeServiceEvents
from token_service.domain.callers import Caller
from token_service.domain.tokens import AccountId
from token_service.rpc.warm import WINDOW_SECONDS, WarmAnswer, WarmAnswers, on_the_wire

pytestmark = pytest.mark.anyio

CALLER = Caller("gateway", frozenset({"*"}), direct_allowed=True)
OTHER = Caller("ci", frozenset({"*"}), direct_allowed=True)


class Broker:
    """A method that answers anew each time, and the same method kept warm."""

    def __init__(self, state: Any = pb.TOKEN_STATE_FRESH, left: int = 1500) -> None:
        self.clock = FakeClock()
        self.events = FakeServiceEvents()
        self.warm = WarmAnswers(self.events, self.clock)
        self.asked = 0
        self._state = state
        self._left = left

    def _answer(self, request: pb.GetCopilotTokenRequest) -> pb.GetCopilotTokenResponse:
        self.asked += 1
        answer = pb.GetCopilotTokenResponse()
        answer.token.account = request.account
        answer.token.token_id = f"id-{self.asked}"
        answer.token.generation = self.asked
        answer.token.state = self._state
        answer.token.expires_in.FromSeconds(self._left + 300)
        answer.token.refresh_in.FromSeconds(self._left)
        return answer

    def get(
        self, account: str = "seat-1", caller: Caller = CALLER, min_ttl: int | None = None
    ) -> pb.CopilotToken:
        """The token as the caller reads it."""
        request = pb.GetCopilotTokenRequest(account=account)
        if min_ttl is not None:
            request.min_ttl.FromSeconds(min_ttl)
        answer: Any = self.warm.find(caller.id, request)
        if answer is None:
            answer = self._answer(request)
            self.warm.keep(caller.id, answer)
        serialize = on_the_wire(lambda message: message.SerializeToString())
        return pb.GetCopilotTokenResponse.FromString(serialize(answer)).token


async def test_a_fresh_answer_is_given_again_for_a_moment() -> None:
    broker = Broker()
    first, second = broker.get(), broker.get()
    await broker.clock.advance(WINDOW_SECONDS)
    third = broker.get()

    assert [each.token_id for each in (first, second, third)] == ["id-1", "id-1", "id-2"]
    assert broker.events.sources == {"memory": 1}


async def test_it_never_promises_more_life_than_there_is() -> None:
    """Its durations are those of the moment at which it is given for the last time."""
    broker = Broker()
    first, second = broker.get(), broker.get()

    assert first.expires_in.ToMilliseconds() == 1_800_000
    assert second.expires_in.ToMilliseconds() == 1_799_900
    assert second.refresh_in.ToMilliseconds() == 1_499_900


async def test_it_is_given_to_the_caller_and_for_the_account_it_was_made_for() -> None:
    broker = Broker()
    broker.get("seat-1", CALLER)
    broker.get("seat-1", OTHER)
    broker.get("seat-2", CALLER)

    assert broker.asked == 3
    assert (broker.get("seat-1", OTHER)).token_id == "id-2"


@pytest.mark.parametrize("state", [pb.TOKEN_STATE_RENEW_SOON, pb.TOKEN_STATE_STALE])
async def test_only_fresh_ones_are_kept(state: Any) -> None:
    """The others start a renewal, or end one's wait: the broker has to see every call."""
    broker = Broker(state)
    broker.get()
    broker.get()

    assert broker.asked == 2


async def test_a_renewal_that_falls_due_is_not_put_off() -> None:
    broker = Broker(left=0)
    broker.get()
    broker.get()

    assert broker.asked == 2


async def test_a_wish_for_more_life_is_judged_each_time() -> None:
    broker = Broker()
    broker.get()
    broker.get(min_ttl=600)
    broker.get(min_ttl=600)

    assert broker.asked == 3


async def test_a_change_drops_it_at_once() -> None:
    """A token that was complained about, an account or a caller's right that was taken away."""
    broker = Broker()
    broker.get("seat-1")
    broker.get("seat-2")
    broker.warm.forget(AccountId("seat-1"))
    broker.warm.forget(AccountId("never-asked-for"))
    assert (broker.get("seat-1")).token_id == "id-3"
    assert (broker.get("seat-2")).token_id == "id-2"
    broker.warm.clear()

    assert (broker.get("seat-2")).token_id == "id-4"


async def test_what_is_kept_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_service.rpc.warm.MOST_KEPT", 10)
    broker = Broker()
    for number in range(95):
        broker.get(f"seat-{number}")
        broker.get(f"seat-{number}")
        assert sum(map(len, broker.warm._kept.values())) == broker.warm._count <= 10


def test_a_kept_answer_does_not_show_its_token() -> None:
    assert "secret" not in repr(WarmAnswer(b"secret", AccountId("seat-1"), "id-1", 1, 0.0))
