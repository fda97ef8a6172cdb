"""From the broker's reasons to the gateway's faults."""

import re
from pathlib import Path

import pytest

from gateway.adapters.token_provider import (
    FAULTS,
    ClientTokenProvider,
    open_token_provider,
    translate,
)
from gateway.domain.errors import Fault
from gateway.web.problems import SHAPES
from tests.servers.process import ROOT
from tests.servers.scripted_broker import ScriptedBroker, serving, token
from token_client.client import TokenClient
from token_client.errors import BrokerUnreachable, TokenRefused, TokenUnavailable
from token_client.lifetime import Lifetime
from token_client.token import Token

PROTO = ROOT / "protos/token_service/v1/token_service.proto"
OURS_ALONE = {"ARGUMENT_INVALID"}  # the gateway never sends such an argument


def test_every_reason_of_the_proto_has_a_fault() -> None:
    reasons = set(re.findall(r"^//   ([A-Z_]{6,}) ", PROTO.read_text(), re.MULTILINE))
    assert len(reasons) == 12
    assert set(FAULTS) == reasons - OURS_ALONE


@pytest.mark.parametrize("reason", [*FAULTS, "", "NEVER_HEARD_OF"])
def test_no_reason_becomes_a_callers_fault(reason: str) -> None:
    for error in (TokenRefused("secret", reason=reason), TokenUnavailable("secret", reason=reason)):
        found = translate(error)
        assert found.fault.value.startswith(("seat_", "gateway_"))
        assert SHAPES[found.fault].status in (502, 503)
        assert "secret" not in found.message


def test_a_wait_is_passed_on_only_where_waiting_helps() -> None:
    assert translate(TokenUnavailable("m", reason="DRAINING", retry_after=3)).retry_after == 3
    assert (
        translate(TokenRefused("m", reason="NO_COPILOT_ACCESS", retry_after=3)).retry_after is None
    )


def test_an_unreachable_broker_is_worth_another_try_soon() -> None:
    found = translate(BrokerUnreachable("m"))
    assert found.fault is Fault.GATEWAY_TOKEN_SERVICE
    assert found.retry_after == 2


@pytest.mark.anyio
async def test_a_refused_token_is_complained_about_in_words_without_a_secret() -> None:
    broker = ScriptedBroker([token(1), token(2)])
    async with serving(broker) as port, open_token_provider(f"127.0.0.1:{port}") as tokens:
        first = await tokens.get("seat-1")
        newer = await tokens.invalidate("seat-1", first.token_id)
        assert newer is not None
        assert (newer.value, newer.token_id) == ("token-2", "id-2")
    ((account, token_id, reason),) = broker.complaints
    assert (account, token_id) == ("seat-1", "id-1")
    assert "token-1" not in reason


class Cache(TokenClient):
    """Has whatever token the test puts there."""

    token: Token | None

    def peek(self, account: str) -> Token | None:
        return self.token


def of_number(number: int) -> Token:
    lifetime = Lifetime(100, 200)
    return Token("a", f"token-{number}", "https://up", {}, "same", number, "", "", lifetime)


@pytest.mark.anyio
async def test_a_token_is_the_same_value_as_long_as_it_is_the_same_token() -> None:
    """What is kept with it, the head of a request with the token in it, goes when it goes."""
    cache = Cache("127.0.0.1:1", watch=False)
    tokens = ClientTokenProvider(cache)
    cache.token = of_number(1)
    first = await tokens.get("a")
    assert await tokens.get("a") is first
    cache.token = of_number(2)
    assert (await tokens.get("a")).value == "token-2"


@pytest.mark.anyio
async def test_a_complaint_never_fails_a_request() -> None:
    async with open_token_provider("127.0.0.1:1") as tokens:
        pass
    assert await tokens.invalidate("seat-1", "id-1") is None


@pytest.mark.anyio
async def test_the_gateways_own_token_is_presented(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("the-gateways")
    broker = ScriptedBroker()
    async with (
        serving(broker) as port,
        open_token_provider(f"127.0.0.1:{port}", token_file=tmp_path / "token") as tokens,
    ):
        await tokens.get("seat-1")
    assert broker.bearers[0] == "Bearer the-gateways"
