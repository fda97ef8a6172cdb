"""Callers by their tokens: believed first, then led by the rules as they stand."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.jwt_checks import Refusal, refused
from gateway.domain.jwt_claims import CallerRules, plain_grant
from gateway.tokens import JwtCallers

pytestmark = pytest.mark.anyio


class Believing:
    """A TokenVerifier that believes what it is told to."""

    def __init__(self, **claims: Mapping[str, Any]) -> None:
        self._claims = claims

    def looks_like(self, text: str) -> bool:
        return text.startswith("t")

    async def verify(self, token: str) -> Mapping[str, Any]:
        if token not in self._claims:
            raise refused(Refusal.SIGNATURE)
        return self._claims[token]


def callers() -> JwtCallers:
    rules = CallerRules("https://sso.example", default=plain_grant("team"))
    return JwtCallers(Believing(t1={"sub": "ada"}), rules)


async def test_a_token_becomes_a_key_of_the_moment() -> None:
    found = await callers().caller("t1")
    assert (found.id, found.group) == ("jwt:ada", "team")
    assert callers().looks_like("t9")
    assert not callers().looks_like("cgw_")


async def test_what_is_not_believed_is_led_nowhere() -> None:
    with pytest.raises(GatewayError) as raised:
        await callers().caller("t2")
    assert raised.value.fault is Fault.CALLER_KEY_TOKEN


async def test_new_rules_count_at_once() -> None:
    tokens = callers()
    await tokens.caller("t1")
    tokens.replace(CallerRules("https://sso.example", default=plain_grant("others")))
    assert (await tokens.caller("t1")).group == "others"
    tokens.replace(CallerRules())
    with pytest.raises(GatewayError) as raised:
        await tokens.caller("t1")
    assert raised.value.fault is Fault.POLICY_TOKEN
