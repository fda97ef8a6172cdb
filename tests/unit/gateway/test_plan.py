"""What is sent to an account: the caller's bytes wherever they can be, and no secret to be seen."""

import json

import pytest
from msgspec.structs import replace

from gateway.catalogue import Catalogue
from gateway.domain.call import Call
from gateway.domain.groups import Group
from gateway.domain.headers import AttemptHeaders
from gateway.domain.models import Model
from gateway.domain.requests.oddities import NONE, UNKNOWN
from gateway.plan import Plan, Planner
from gateway.ports.tokens import AccountToken
from tests.fakes.calls import a_call, a_group
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_ports import FakeTokens
from tests.fakes.upstream import FakeUpstream

pytestmark = pytest.mark.anyio

SEALED = b'{"model":"m","messages":[{"role":"assistant","reasoning_opaque":"messages:secret"}]}'
LIMITED = b'{"model":"m","max_tokens":3,"messages":[{"role":"user","content":"secret"}]}'
TOKEN = AccountToken("a", "the-token", "id", "https://up", {"Editor-Version": "x"})


class Silent(FakeUpstream):
    """Is not asked."""


class Listed(Catalogue):
    """Has one model, for chat."""

    async def model(self, account: str, platform: str, model_id: str) -> Model | None:
        return Model(model_id)


async def planned(call: Call, group: Group | None = None, foreign: bool = False) -> Plan:
    clock = FakeClock()
    catalogue = Listed(FakeTokens("https://up"), Silent(), clock)
    planner = Planner(catalogue, clock, lambda: "attempt")
    return await planner.plan(call, group or call.group, "a", foreign, "answer")


@pytest.mark.parametrize(
    ("body", "model"), [(SEALED, "m"), (LIMITED, "gpt-5"), (b'{"stream_options":1}', "m")]
)
async def test_what_was_noticed_decides_what_is_changed(body: bytes, model: str) -> None:
    call = a_call(a_group("a"), model=model, body=body)
    assert (await planned(replace(call, oddities=NONE))).body is body
    if body.startswith(b'{"model"'):
        assert (await planned(replace(call, oddities=UNKNOWN))).body != body


async def test_an_account_of_another_conversation_has_the_body_looked_at_in_any_case() -> None:
    call = replace(a_call(a_group("a"), body=SEALED), oddities=NONE)
    assert b"reasoning_opaque" not in (await planned(call, foreign=True)).body


async def test_usage_is_asked_for_where_nothing_is_said_of_it() -> None:
    call = replace(a_call(a_group("a"), stream=True), wants_usage=False, oddities=NONE)
    sent = json.loads((await planned(call)).body)
    assert sent.pop("stream_options") == {"include_usage": True}
    assert sent == json.loads(call.body)


async def test_requests_of_a_shape_have_their_headers_in_common() -> None:
    group = a_group("a")
    one, other = [(await planned(a_call(group))).request(TOKEN) for _ in range(2)]
    stream = (await planned(a_call(group, stream=True))).request(TOKEN)
    heads = [each.headers for each in (one, other, stream)]
    assert all(isinstance(each, AttemptHeaders) for each in heads)
    first, second, third = (each.standing for each in heads if isinstance(each, AttemptHeaders))
    assert first is second is not third
    assert (stream.headers["Accept"], one.headers["Accept"]) == (
        "text/event-stream",
        "application/json",
    )


async def test_another_token_has_headers_of_its_own() -> None:
    plan = await planned(a_call(a_group("a")))
    newer = AccountToken("a", "newer", "id-2", "https://up", {})
    assert plan.request(TOKEN).headers["Authorization"] == "Bearer the-token"
    assert plan.request(newer).headers["Authorization"] == "Bearer newer"


async def test_nothing_that_is_on_its_way_shows_what_it_is_about() -> None:
    call = replace(
        a_call(a_group("a"), body=LIMITED, conversation=b"secret"),
        caller_headers={"authorization": "secret"},
    )
    plan = await planned(call)
    request = plan.request(TOKEN)
    for each in (call, plan, plan.expected, plan.expected.asked, request, request.headers, TOKEN):
        assert "secret" not in repr(each)
        assert "the-token" not in repr(each)
