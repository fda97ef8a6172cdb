"""What is asked of a cluster: the issuer's keys and TokenReview."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.github import FakeGitHub
from token_service.adapters.callers.cluster import (
    KeysAtUrl,
    KeysInFile,
    TokenReviews,
    is_in_cluster,
)
from token_service.adapters.callers.key_ring import IssuerUnavailable
from token_service.domain.answers import Answer
from token_service.domain.errors import GitHubUnavailable

pytestmark = pytest.mark.anyio

URL = "https://kubernetes.default.svc/openid/v1/jwks"
API = "https://kubernetes.default.svc"


def answered(status: int, content: Any) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer(status, {}, body)


def review(**status: Any) -> Answer:
    return answered(201, {"kind": "TokenReview", "status": status})


ACCEPTED = {
    "authenticated": True,
    "audiences": ["token-service"],
    "user": {"username": "system:serviceaccount:copilot:gateway"},
}


async def test_keys_are_asked_for_with_the_brokers_own_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    http = FakeGitHub(answered(200, b"keys"), answered(200, b"keys"))
    fetch = KeysAtUrl(http, URL, file)
    assert await fetch() == b"keys"
    file.write_text("second\n")
    await fetch()

    assert [headers["Authorization"] for _, headers in http.gets] == [
        "Bearer first",
        "Bearer second",
    ]


async def test_a_public_issuer_is_asked_without_a_token() -> None:
    http = FakeGitHub(answered(200, b"keys"))
    await KeysAtUrl(http, URL, None)()

    assert "Authorization" not in http.gets[0][1]


@pytest.mark.parametrize(
    "step",
    [answered(302, b""), answered(401, b"secret"), GitHubUnavailable("x", detail="ConnectError")],
)
async def test_keys_that_cannot_be_had(step: Answer | Exception) -> None:
    with pytest.raises(IssuerUnavailable, match=URL) as raised:
        await KeysAtUrl(FakeGitHub(step), URL, None)()

    assert "secret" not in str(raised.value)


async def test_keys_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    fetch = KeysInFile(file)
    with pytest.raises(IssuerUnavailable, match="No such file"):
        await fetch()
    file.write_bytes(b"keys")

    assert await fetch() == b"keys"


async def test_what_a_review_asks() -> None:
    http = FakeGitHub(review(**ACCEPTED))
    account = await TokenReviews(http, API + "/", None, "token-service").account("the-token")
    ((url, _, content),) = http.json_posts

    assert account == "copilot/gateway"
    assert url == f"{API}/apis/authentication.k8s.io/v1/tokenreviews"
    assert content["spec"] == {"token": "the-token", "audiences": ["token-service"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"authenticated": False},
        {"authenticated": "true"},
        {"audiences": ["another"]},
        {"audiences": None},
        {"user": None},
        {"user": {"username": "system:node:a"}},
        {"user": {"username": None}},
    ],
)
async def test_a_token_that_the_cluster_does_not_accept(changes: dict[str, Any]) -> None:
    http = FakeGitHub(review(**{**ACCEPTED, **changes}))

    assert await TokenReviews(http, API, None, "token-service").account("the-token") is None


@pytest.mark.parametrize(
    "step",
    [
        answered(401, {}),
        answered(201, b"<html>"),
        answered(201, {"status": None}),
        GitHubUnavailable("x", detail="ReadTimeout"),
    ],
)
async def test_a_review_that_cannot_be_had(step: Answer | Exception) -> None:
    """Also when the broker's own token is refused: that says nothing about the caller's."""
    with pytest.raises(IssuerUnavailable) as raised:
        await TokenReviews(FakeGitHub(step), API, None, "token-service").account("the-token")

    assert "the-token" not in str(raised.value)


async def test_without_the_brokers_own_token_nothing_is_asked(tmp_path: Path) -> None:
    http = FakeGitHub()
    with pytest.raises(IssuerUnavailable, match="no such file"):
        await TokenReviews(http, API, tmp_path / "missing", "token-service").account("t")

    assert http.json_posts == []


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        (URL, True),
        ("https://kubernetes.default.svc.cluster.local/keys", True),
        ("http://127.0.0.1:8001/openid/v1/jwks", True),
        ("https://oidc.eks.eu-west-1.amazonaws.com/id/x/keys", False),
        ("https://svc.example/keys", False),
    ],
)
def test_the_proxy_is_for_what_is_outside(url: str, inside: bool) -> None:
    assert is_in_cluster(url) is inside
