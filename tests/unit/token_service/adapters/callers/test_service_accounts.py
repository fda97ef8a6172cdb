"""Mode kubernetes: which tokens are believed, and for how long without asking again."""

import asyncio
import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.clock import FakeClock
from tests.fakes.service_events import FakeServiceEvents
from tests.servers.jwt_issuer import AUDIENCE, ISSUER, Issuer, ec_key, rsa_key
from token_service.adapters.callers.key_ring import LEAST_SECONDS, IssuerUnavailable, KeyRing
from token_service.adapters.callers.known import Register
from token_service.adapters.callers.service_accounts import REVIEW_SECONDS, ServiceAccounts
from token_service.domain.callers import Caller, IdentityKind, Presented, directory
from token_service.domain.errors import CallerUnauthenticated
from token_service.domain.service_accounts import LEEWAY_SECONDS, TokenRules

pytestmark = pytest.mark.anyio

GATEWAY = Caller("gateway", frozenset({"*"}), direct_allowed=True)
RSA, EC = rsa_key(), ec_key()


class Reviews:
    """A TokenReview that counts, and can be away."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: str | Exception | None = "copilot/gateway"
        self.hold: asyncio.Event | None = None

    async def account(self, token: str) -> str | None:
        self.asked += 1
        if self.hold is not None:
            await self.hold.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Cluster:
    """An issuer, and what believes its tokens."""

    def __init__(self, reviews: Reviews | None = None, **keys: Any) -> None:
        self.clock = FakeClock()
        self.events = FakeServiceEvents()
        self.issuer = Issuer(now=self.clock.now(), **(keys or {"ec": EC, "rsa": RSA}))
        self.register = Register(
            directory([(IdentityKind.SERVICE_ACCOUNT, "copilot/gateway", GATEWAY)])
        )
        self.ring = KeyRing(self.jwks, self.clock, self.events)
        rules = TokenRules(ISSUER, AUDIENCE)
        self.accounts = ServiceAccounts(
            self.register, self.ring, rules, reviews, self.clock, self.events
        )

    async def jwks(self) -> bytes:
        return self.issuer.jwks()

    async def caller(self, token: str | None) -> Caller:
        return await self.accounts.identify(Presented(bearer=token))

    async def refusal(self, token: str | None) -> str:
        with pytest.raises(CallerUnauthenticated) as raised:
            await self.caller(token)
        if token:
            assert token not in raised.value.message
        return raised.value.detail


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(issuer: Issuer) -> str:
    """`alg: none`: the claims of a good token, and nobody's signature."""
    return f"{part({'alg': 'none', 'kid': 'rsa'})}.{part(issuer.claims())}."


def signed_with_the_public_key(issuer: Issuer, algorithm: str = "HS256") -> str:
    """Signed with what everybody knows, in the hope that it is taken for a shared secret."""
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{part({'alg': algorithm, 'kid': 'rsa'})}.{part(issuer.claims())}"
    return f"{signed}.{part(hmac.digest(public, signed.encode(), hashlib.sha256))}"


def forged(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(), rsa_key(), "RS256", {"kid": "rsa"})


def with_other_claims(issuer: Issuer) -> str:
    head, _, signature = issuer.token("ci/runner").split(".")
    return f"{head}.{part(issuer.claims())}.{signature}"


def with_another_algorithm(issuer: Issuer) -> str:
    """Really signed by the key, in a way that the key is not for."""
    return jwt.encode(issuer.claims(), RSA, "RS512", {"kid": "rsa"})


def with_the_other_keys_id(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(), RSA, "RS256", {"kid": "ec"})


def without_a_key_id(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(), RSA, "RS256")


def with_a_key_in_it(issuer: Issuer) -> str:
    """`jwk` and `jku` in the header: the token brings its own key. It is not looked at."""
    own = rsa_key()
    header = {"kid": "rsa", "jku": "https://evil.example", "jwk": {"kty": "RSA"}}
    return jwt.encode(issuer.claims(), own, "RS256", header)


def with_demands(issuer: Issuer) -> str:
    return issuer.token(headers={"crit": ["exp2"], "exp2": 1})


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (unsigned, "token_malformed"),
        (signed_with_the_public_key, "token_malformed"),
        (lambda issuer: signed_with_the_public_key(issuer, "RS256"), "token_forged"),
        (forged, "token_forged"),
        (with_other_claims, "token_forged"),
        (with_another_algorithm, "token_malformed"),
        (with_the_other_keys_id, "token_malformed"),
        (without_a_key_id, "token_malformed"),
        (with_a_key_in_it, "token_forged"),
        (with_demands, "token_malformed"),
        (lambda issuer: issuer.token(iss="https://other.example"), "issuer_wrong"),
        (lambda issuer: issuer.token(aud=["another"]), "audience_wrong"),
        (lambda issuer: issuer.token(exp=int(issuer.now) - 3600), "token_expired"),
        (lambda issuer: issuer.token(nbf=int(issuer.now) + 3600), "token_not_yet_valid"),
        (lambda issuer: issuer.token("copilot/other"), "caller_unknown"),
        (lambda issuer: issuer.token(headers={"kid": "nobody's"}), "key_unknown"),
        (lambda issuer: "", "token_malformed"),
        (lambda issuer: "a.b.c", "token_malformed"),
        (lambda issuer: issuer.token()[:-10], "token_forged"),
        (lambda issuer: issuer.token(padding="x" * 20_000), "token_malformed"),
    ],
)
async def test_a_token_that_is_not_believed(make: Callable[[Issuer], str], why: str) -> None:
    cluster = Cluster()

    assert await cluster.refusal(make(cluster.issuer)) == why


async def test_no_token_at_all() -> None:
    assert await Cluster().refusal(None) == "credential_missing"


@pytest.mark.parametrize("key", [RSA, EC])
async def test_a_good_token_names_its_caller(key: Any) -> None:
    cluster = Cluster(k=key)

    assert await cluster.caller(cluster.issuer.token()) is GATEWAY


async def test_a_verified_token_is_verified_once_and_ends_with_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call must not cost a signature; a token must not live in the memory of it."""
    cluster = Cluster()
    token = cluster.issuer.token()
    await cluster.caller(token)
    with monkeypatch.context() as patched:
        patched.setattr(jwt, "decode", None)
        for _ in range(100):
            await cluster.caller(token)
    await cluster.clock.advance(3600 + LEEWAY_SECONDS - 1)
    assert await cluster.caller(token) is GATEWAY
    await cluster.clock.advance(1)

    assert await cluster.refusal(token) == "token_expired"


async def test_a_token_is_not_believed_longer_than_its_key() -> None:
    cluster = Cluster()
    token = cluster.issuer.token()
    await cluster.caller(token)
    cluster.issuer.keys = {"new": ec_key()}
    await cluster.clock.advance(LEAST_SECONDS)
    await cluster.caller(cluster.issuer.token())

    assert await cluster.refusal(token) == "key_unknown"


async def test_a_caller_that_was_removed_is_nobody_at_once() -> None:
    cluster = Cluster()
    token = cluster.issuer.token()
    await cluster.caller(token)
    cluster.register.directory = directory([])

    assert await cluster.refusal(token) == "caller_unknown"


# --- TokenReview ------------------------------------------------------------------------------


async def test_a_token_is_reviewed_once_a_minute() -> None:
    reviews = Reviews()
    cluster = Cluster(reviews)
    token = cluster.issuer.token()
    for _ in range(3):
        for _ in range(20):
            await cluster.caller(token)
        await cluster.clock.advance(REVIEW_SECONDS)

    assert reviews.asked == 3


async def test_calls_at_the_same_time_share_a_review() -> None:
    reviews = Reviews()
    reviews.hold = asyncio.Event()
    cluster = Cluster(reviews)
    token = cluster.issuer.token()
    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(cluster.caller(token)) for _ in range(50)]
        for _ in range(5):
            await asyncio.sleep(0)
        reviews.hold.set()

    assert reviews.asked == 1
    assert all(call.result() is GATEWAY for call in calls)


@pytest.mark.parametrize("answer", [None, "copilot/other"])
async def test_what_the_cluster_refuses_is_refused(answer: str | None) -> None:
    """The pod is gone, or the review is about somebody else."""
    reviews = Reviews()
    cluster = Cluster(reviews)
    token = cluster.issuer.token()
    await cluster.caller(token)
    reviews.answer = answer
    assert await cluster.caller(token) is GATEWAY
    await cluster.clock.advance(REVIEW_SECONDS)

    assert await cluster.refusal(token) == "revoked"


async def test_known_callers_stay_while_the_cluster_cannot_be_asked() -> None:
    """Each dependency may be down (design §2, invariant 9); a token never seen is not believed."""
    reviews = Reviews()
    cluster = Cluster(reviews)
    known = cluster.issuer.token()
    await cluster.caller(known)
    reviews.answer = IssuerUnavailable("away")
    await cluster.clock.advance(REVIEW_SECONDS)

    assert await cluster.caller(known) is GATEWAY
    assert await cluster.refusal(cluster.issuer.token(jti="new")) == "cannot_verify"
    assert "away" in cluster.events.means


async def test_what_is_remembered_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_service.adapters.callers.service_accounts.MOST_REMEMBERED", 5)
    cluster = Cluster(k=EC)
    for number in range(8):
        await cluster.caller(cluster.issuer.token(jti=str(number)))

    assert len(cluster.accounts._remembered) == 5
    assert len(cluster.accounts._locks) == 0
