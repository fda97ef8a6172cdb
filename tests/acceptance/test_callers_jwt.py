"""People and pods by their tokens, over a gateway as it is run: what each token is answered, and
what becomes of callers while the issuer changes its keys or is away."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.servers.crowd import Crowd, team
from tests.servers.gateway_callers import Reply, ask, question
from tests.servers.gateway_fleet import GROUP, GatewayFleet
from tests.servers.jwks_endpoint import JwksEndpoint, publishing
from tests.servers.jwt_issuer import Issuer, ec_key, rsa_key

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SSO = "https://sso.example/realms/company"
AUDIENCE = "copilot-gateway"
RSA, OTHER = rsa_key(), ec_key()
REREAD_SECONDS = 10.0
"""The issuer is asked no more often."""


def section(endpoint: JwksEndpoint, **changes: Any) -> dict[str, Any]:
    """`auth`: whoever is in a group `ai-…`, and every pod of the namespace `ci`."""
    rules = [
        {"claim": "groups", "matches": "ai-*", "group": GROUP},
        {"claim": "sub", "matches": "system:serviceaccount:ci:*", "group": GROUP},
    ]
    return {
        "jwt": {
            "issuer": SSO,
            "audience": AUDIENCE,
            "jwks_url": endpoint.url,
            "claims": {"account": "seat"},
            "rules": rules,
            **changes,
        }
    }


def fleet_of(directory: Path, crowd: Crowd, endpoint: JwksEndpoint) -> GatewayFleet:
    return GatewayFleet(
        directory,
        crowd.broker,
        groups=[team(range(61, 64))],
        settings={"auth": section(endpoint)},
    )


def ada(issuer: Issuer, **changes: Any) -> str:
    """A person's token."""
    person = {"iss": SSO, "aud": AUDIENCE, "sub": "ada", "groups": ["staff", "ai-users"]}
    return issuer.token(**{**person, **changes})


def pod(issuer: Issuer, account: str = "ci/runner") -> str:
    """A pod's."""
    return issuer.token(account, iss=SSO, aud=[AUDIENCE])


def forged(issuer: Issuer, key: Any, algorithm: str, headers: Mapping[str, Any]) -> str:
    claims = issuer.claims(iss=SSO, aud=AUDIENCE, groups="ai-x")
    return jwt.encode(claims, key, algorithm, dict(headers))


Row = tuple[str, Callable[[Issuer], str], int, str, str]
TABLE: tuple[Row, ...] = (
    ("a person", ada, 200, "", ""),
    ("a pod", pod, 200, "", ""),
    ("bound to a seat", lambda it: ada(it, seat="seat-62"), 200, "", ""),
    ("issuer", lambda it: ada(it, iss=SSO + "/"), 401, "caller_key_token", "wrong issuer"),
    ("audience", lambda it: ada(it, aud="wiki"), 401, "caller_key_token", "wrong audience"),
    ("expired", lambda it: ada(it, exp=int(it.now) - 90), 401, "caller_key_token", "expired"),
    ("early", lambda it: ada(it, nbf=int(it.now) + 300), 401, "caller_key_token", "not yet valid"),
    ("no expiry", lambda it: ada(it, exp=None), 401, "caller_key_token", "malformed"),
    (
        "none",
        lambda it: forged(it, None, "none", {"kid": "k1"}),
        401,
        "caller_key_token",
        "algorithm",
    ),
    (
        "HS256",
        lambda it: forged(it, "s" * 32, "HS256", {"kid": "k1"}),
        401,
        "caller_key_token",
        "algorithm",
    ),
    (
        "another key type",
        lambda it: forged(it, OTHER, "ES256", {"kid": "k1"}),
        401,
        "caller_key_token",
        "algorithm",
    ),
    (
        "another's signature",
        lambda it: forged(it, rsa_key(), "RS256", {"kid": "k1"}),
        401,
        "caller_key_token",
        "signature",
    ),
    (
        "unknown key",
        lambda it: forged(it, RSA, "RS256", {"kid": "k9"}),
        401,
        "caller_key_token",
        "unknown key",
    ),
    ("no group", lambda it: ada(it, groups=["staff"]), 403, "policy_token", "no rule"),
    ("another namespace", lambda it: pod(it, "web/runner"), 403, "policy_token", "no rule"),
    ("no person", lambda it: ada(it, sub=""), 403, "policy_token", "whose it is"),
    ("a foreign seat", lambda it: ada(it, seat="seat-1"), 403, "policy_token", "account"),
)


async def test_what_each_token_is_answered(
    crowd: Crowd, tmp_path: Path, report: Callable[..., None]
) -> None:
    issuer = Issuer(k1=RSA)
    async with publishing(issuer) as endpoint:
        with fleet_of(tmp_path, crowd, endpoint) as fleet:
            for name, token_of, status, fault, words in TABLE:
                token = token_of(issuer)
                reply = await ask(fleet.url, token, question("hello"))
                assert (reply.status, reply.fault) == (status, fault), name
                assert words in reply.body.decode(), name
                assert token not in reply.body.decode()
            assert (await ask(fleet.url, fleet.key, question("hello"))).status == 200
            assert (await ask(fleet.url, "cgw_wrong", question("x"))).fault == "caller_key_unknown"
            assert fleet.metric("gateway_issuer_up") == 1
            seconds = await typical(fleet, fleet.key), await typical(fleet, ada(issuer))
    report(tokens=len(TABLE), jwks_reads=endpoint.reads, key_and_token_s=seconds)


async def typical(fleet: GatewayFleet, key: str) -> float:
    """The median time of `GET /v1/models`."""
    times = []
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(21):
            began = time.perf_counter()
            answer = await client.get(
                f"{fleet.url}/v1/models", headers={"Authorization": f"Bearer {key}"}
            )
            times.append(time.perf_counter() - began)
            assert answer.status_code == 200
    return round(sorted(times)[len(times) // 2], 5)


async def test_a_persons_usage_is_their_own_whatever_token_they_show(
    crowd: Crowd, tmp_path: Path
) -> None:
    issuer = Issuer(k1=RSA)
    async with publishing(issuer) as endpoint:
        with fleet_of(tmp_path, crowd, endpoint) as fleet:
            for token in (ada(issuer), ada(issuer, jti="2"), ada(issuer, sub="bob")):
                assert (await ask(fleet.url, token, question("hello"))).status == 200
            usage = await counted(fleet, ada(issuer, jti="3"), requests=2)

    assert usage == "jwt:ada"


async def counted(fleet: GatewayFleet, token: str, requests: int) -> str:
    """Whose usage a token sees, once it is so many requests: records take a moment."""
    async with asyncio.timeout(10), httpx.AsyncClient(trust_env=False) as client:
        while True:
            answer = await client.get(
                f"{fleet.url}/v1/usage", headers={"Authorization": f"Bearer {token}"}
            )
            found = answer.json()
            if found["total"]["requests"] == requests:
                return str(found["key"])
            await asyncio.sleep(0.1)


async def test_rules_that_change_hold_at_once(crowd: Crowd, tmp_path: Path) -> None:
    issuer = Issuer(k1=RSA)
    async with publishing(issuer) as endpoint:
        with fleet_of(tmp_path, crowd, endpoint) as fleet:
            token = ada(issuer)
            assert (await ask(fleet.url, token, question("hello"))).status == 200
            rule = {"claim": "groups", "matches": "nobody", "group": GROUP}
            fleet.document["auth"] = section(endpoint, rules=[rule])
            fleet.reconfigure()
            assert (await answered(fleet, token, 403)).fault == "policy_token"


async def answered(fleet: GatewayFleet, token: str, status: int, seconds: float = 5.0) -> Reply:
    """The reply once it is this one."""
    async with asyncio.timeout(seconds):
        while True:
            reply = await ask(fleet.url, token, question("hello"))
            if reply.status == status:
                return reply
            await asyncio.sleep(0.1)


async def test_without_the_issuers_keys_nobody_is_told_that_a_token_is_bad(
    crowd: Crowd, tmp_path: Path
) -> None:
    issuer = Issuer(k1=RSA)
    async with publishing(issuer) as endpoint:
        endpoint.status = 503
        with fleet_of(tmp_path, crowd, endpoint) as fleet:
            reply = await ask(fleet.url, ada(issuer), question("hello"))
            assert (reply.status, reply.fault) == (503, "gateway_issuer")
            assert reply.retry_after == REREAD_SECONDS
            assert (await ask(fleet.url, fleet.key, question("hello"))).status == 200
            assert fleet.metric("gateway_issuer_up") == 0


async def test_an_issuer_that_comes_changes_its_key_and_goes(
    full: bool, crowd: Crowd, tmp_path: Path, report: Callable[..., None]
) -> None:
    """Its keys are asked for every ten seconds at most: this takes half a minute."""
    if not full:
        pytest.skip("the full-size run has it; tests/integration/gateway/test_jwt_callers.py")
    issuer = Issuer(k1=RSA)
    patience = REREAD_SECONDS + 2
    async with publishing(issuer) as endpoint:
        endpoint.status = 503
        with fleet_of(tmp_path, crowd, endpoint) as fleet:
            first = ada(issuer)
            began = time.monotonic()
            await answered(fleet, first, 503)
            endpoint.status = 200
            await answered(fleet, first, 200, patience)
            came = time.monotonic()
            issuer.keys = {"k1": RSA, "k2": OTHER}
            second = ada(issuer)
            await answered(fleet, second, 200, patience)
            rotated = time.monotonic()
            assert (await ask(fleet.url, first, question("hello"))).status == 200
            endpoint.status = 503
            await asyncio.sleep(REREAD_SECONDS)
            issuer.keys = {"k3": rsa_key()}
            assert (await ask(fleet.url, ada(issuer), question("x"))).fault == "gateway_issuer"
            for known in (first, second):
                assert (await ask(fleet.url, known, question("hello"))).status == 200
    report(
        seconds_until_it_came=round(came - began, 1),
        seconds_until_rotated=round(rotated - came, 1),
    )
