"""Which tokens are believed: the table of issue 7, with real keys, a real ring and PyJWT."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.adapters.jwt_tokens import MOST_REMEMBERED, REMEMBERED_SECONDS, JwtTokens
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.jwt_checks import WORDS, Expected, Refusal
from runtime.jwks.key_set import IssuerUnavailable
from runtime.jwks.ring import LEAST_SECONDS, KeyRing
from tests.fakes.clock import FakeClock
from tests.servers.jwt_issuer import AUDIENCE, ISSUER, Issuer, ec_key, jwk, rsa_key

pytestmark = pytest.mark.anyio

RSA, EC, OTHER = rsa_key(), ec_key(), rsa_key()
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Sso:
    """An issuer, and what believes its tokens."""

    def __init__(self, *algorithms: str) -> None:
        self.clock = FakeClock()
        self.issuer = Issuer(now=self.clock.now(), ec=EC, rsa=RSA)
        self.is_away = False
        self.ring = KeyRing(self.jwks, self.clock, self)
        self.tokens = JwtTokens(
            self.ring,
            Expected(ISSUER, AUDIENCE, 60),
            algorithms or ("RS256", "ES256"),
            self.clock,
        )

    async def jwks(self) -> bytes:
        if self.is_away:
            raise IssuerUnavailable("away")
        return self.issuer.jwks()

    def issuer_answered(self, keys: int) -> None: ...

    def issuer_failed(self, explanation: str) -> None: ...

    async def error(self, token: str) -> GatewayError:
        with pytest.raises(GatewayError) as raised:
            await self.tokens.verify(token)
        assert token not in raised.value.message
        return raised.value

    async def refusal(self, token: str) -> Refusal:
        error = await self.error(token)
        assert error.fault is Fault.CALLER_KEY_TOKEN
        (found,) = (each for each, words in WORDS.items() if words in error.message)
        return found


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed_by_everybody(issuer: Issuer, algorithm: str) -> str:
    """HMAC with the public key, in the hope that it is taken for a shared secret."""
    text = f"{part({'alg': algorithm, 'kid': 'rsa'})}.{part(issuer.claims())}"
    return f"{text}.{part(hmac.digest(PUBLIC, text.encode(), hashlib.sha256))}"


def by_another_key(issuer: Issuer, key: Any, algorithm: str, key_id: str = "rsa") -> str:
    return jwt.encode(issuer.claims(), key, algorithm, {"kid": key_id})


def changed(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{part(issuer.claims('ci/root'))}.{signature}"


TABLE: tuple[tuple[str, Callable[[Issuer], str], Refusal], ...] = (
    ("wrong issuer", lambda it: it.token(iss="https://evil.example"), Refusal.ISSUER),
    ("no issuer", lambda it: it.token(iss=None), Refusal.ISSUER),
    ("wrong audience", lambda it: it.token(aud="another"), Refusal.AUDIENCE),
    ("no audience", lambda it: it.token(aud=None), Refusal.AUDIENCE),
    ("expired", lambda it: it.token(exp=int(it.now) - 60), Refusal.EXPIRED),
    ("no expiry", lambda it: it.token(exp=None), Refusal.MALFORMED),
    ("not yet valid", lambda it: it.token(nbf=int(it.now) + 61), Refusal.NOT_YET_VALID),
    (
        "alg none",
        lambda it: f"{part({'alg': 'none', 'kid': 'rsa'})}.{part(it.claims())}.",
        Refusal.ALGORITHM,
    ),
    (
        "alg None, spelt otherwise",
        lambda it: f"{part({'alg': 'nOnE', 'kid': 'rsa'})}.{part(it.claims())}.",
        Refusal.ALGORITHM,
    ),
    ("HS256 by the public key", lambda it: signed_by_everybody(it, "HS256"), Refusal.ALGORITHM),
    ("RS256, signed by HMAC", lambda it: signed_by_everybody(it, "RS256"), Refusal.SIGNATURE),
    ("ES256 with the RSA key's id", lambda it: by_another_key(it, EC, "ES256"), Refusal.ALGORITHM),
    ("RS512, not pinned", lambda it: by_another_key(it, RSA, "RS512"), Refusal.ALGORITHM),
    ("PS256", lambda it: by_another_key(it, RSA, "PS256"), Refusal.ALGORITHM),
    ("another's key", lambda it: by_another_key(it, OTHER, "RS256"), Refusal.SIGNATURE),
    ("no signature", lambda it: it.token().rpartition(".")[0] + ".", Refusal.SIGNATURE),
    ("other claims", changed, Refusal.SIGNATURE),
    ("unknown key", lambda it: by_another_key(it, RSA, "RS256", "new"), Refusal.KEY_UNKNOWN),
    ("no key id", lambda it: jwt.encode(it.claims(), RSA, "RS256"), Refusal.MALFORMED),
    (
        "a key in the token itself",
        lambda it: jwt.encode(
            it.claims(), OTHER, "RS256", {"kid": "rsa", "jwk": jwk(OTHER, "rsa"), "jku": "http://x"}
        ),
        Refusal.SIGNATURE,
    ),
    ("crit", lambda it: it.token(headers={"crit": ["exp"], "exp": 1}), Refusal.MALFORMED),
    (
        "no object",
        lambda it: jwt.PyJWS().encode(b"[1]", RSA, "RS256", headers={"kid": "rsa"}),
        Refusal.MALFORMED,
    ),
    (
        "a deep one",
        lambda it: jwt.PyJWS().encode(b"[" * 3000, RSA, "RS256", headers={"kid": "rsa"}),
        Refusal.MALFORMED,
    ),
    ("no token", lambda it: "a.b.c", Refusal.MALFORMED),
)


@pytest.mark.parametrize(
    ("token_of", "refusal"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
async def test_what_is_not_believed(token_of: Callable[[Issuer], str], refusal: Refusal) -> None:
    sso = Sso()
    assert await sso.refusal(token_of(sso.issuer)) is refusal


async def test_what_is_believed() -> None:
    sso = Sso()
    assert (await sso.tokens.verify(sso.issuer.token()))["sub"].endswith("copilot:gateway")
    await sso.tokens.verify(by_another_key(sso.issuer, EC, "ES256", "ec"))
    await sso.tokens.verify(sso.issuer.token(exp=int(sso.issuer.now) - 59))
    await sso.tokens.verify(sso.issuer.token(nbf=int(sso.issuer.now) + 60))


async def test_an_algorithm_counts_only_if_it_is_pinned() -> None:
    sso = Sso("ES256")
    assert await sso.refusal(sso.issuer.token()) is Refusal.ALGORITHM
    await sso.tokens.verify(by_another_key(sso.issuer, EC, "ES256", "ec"))


async def test_the_issuer_changes_its_key_and_nobody_notices() -> None:
    sso = Sso()
    first = sso.issuer.token()
    await sso.tokens.verify(first)
    sso.issuer.keys = {"rsa": RSA, "next": OTHER}
    await sso.clock.advance(LEAST_SECONDS)
    await sso.tokens.verify(sso.issuer.token())
    await sso.tokens.verify(first)
    sso.issuer.keys = {"next": OTHER}
    await sso.clock.advance(LEAST_SECONDS)
    # Somebody's unknown key has the set read: the dropped one's tokens end, remembered or not.
    await sso.error(by_another_key(sso.issuer, RSA, "RS256", "invented"))

    assert await sso.refusal(first) is Refusal.KEY_UNKNOWN


async def test_while_the_issuer_is_away_what_is_known_serves() -> None:
    sso = Sso()
    await sso.tokens.verify(sso.issuer.token())
    sso.is_away = True
    await sso.clock.advance(LEAST_SECONDS)
    error = await sso.error(by_another_key(sso.issuer, OTHER, "RS256", "next"))
    assert (error.fault, error.retry_after) == (Fault.GATEWAY_ISSUER, LEAST_SECONDS)
    await sso.tokens.verify(sso.issuer.token(iat=1))


async def test_an_issuer_that_was_never_there_is_nobodys_fault() -> None:
    sso = Sso()
    sso.is_away = True
    token = sso.issuer.token()
    assert (await sso.error(token)).fault is Fault.GATEWAY_ISSUER
    sso.is_away = False
    await sso.clock.advance(LEAST_SECONDS)
    await sso.tokens.verify(token)


async def test_a_token_is_verified_once_in_a_minute() -> None:
    sso = Sso()
    token = sso.issuer.token()
    first = await sso.tokens.verify(token)
    await sso.clock.advance(REMEMBERED_SECONDS - 1)
    assert await sso.tokens.verify(token) is first
    await sso.clock.advance(1)
    assert await sso.tokens.verify(token) is not first


async def test_a_remembered_token_ends_when_it_expires() -> None:
    sso = Sso()
    token = sso.issuer.token(exp=int(sso.issuer.now) + 1 - 60)
    await sso.tokens.verify(token)
    await sso.clock.advance(1)

    assert await sso.refusal(token) is Refusal.EXPIRED


async def test_a_refused_token_is_not_remembered_and_memory_has_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MOST_REMEMBERED <= 10_000
    monkeypatch.setattr("gateway.adapters.jwt_tokens.MOST_REMEMBERED", 2)
    sso = Sso()
    await sso.refusal(sso.issuer.token(aud="x"))
    first, *others = (sso.issuer.token(jti=str(n)) for n in range(3))
    claims = await sso.tokens.verify(first)
    second = await sso.tokens.verify(others[0])
    assert await sso.tokens.verify(first) is claims, "used last"
    await sso.tokens.verify(others[1])

    assert len(sso.tokens._remembered) == 2
    assert await sso.tokens.verify(first) is claims
    assert await sso.tokens.verify(others[0]) is not second
