"""Where a JWK Set is: each failure names the place and nothing that was answered."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from runtime.jwks.key_set import MOST_BYTES, IssuerUnavailable
from runtime.jwks.places import KeysAtUrl, KeysInFile, is_in_cluster

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def answering(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def test_a_url_is_asked_as_it_is_written_and_without_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def keys(request: web.BaseRequest) -> web.Response:
        asked.append(str(request.rel_url))
        return web.Response(body=b"keys")

    async with answering(keys) as url:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        assert await KeysAtUrl(f"{url}/jwks/?p=policy", None, None)() == b"keys"

    assert asked == ["/jwks/?p=policy"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (web.Response(status=401, body=b"secret"), "answered 401"),
        (web.Response(status=302, headers={"Location": "https://secret"}), "answered 302"),
        (web.Response(body=b"secret" * MOST_BYTES), "larger than any JWK Set"),
    ],
    ids=["refused", "moved", "endless"],
)
async def test_answers_that_are_no_keys(answer: web.Response, words: str) -> None:
    async def keys(request: web.BaseRequest) -> web.Response:
        return answer

    async with answering(keys) as url:
        with pytest.raises(IssuerUnavailable, match=words) as raised:
            await KeysAtUrl(f"{url}/jwks?p=hidden", None, None)()

    assert str(raised.value).startswith(f"{url}/jwks: ")
    assert "secret" not in str(raised.value)
    assert "hidden" not in str(raised.value)


async def test_an_issuer_that_cannot_be_reached() -> None:
    async def nothing(request: web.BaseRequest) -> web.Response:
        return web.Response()

    async with answering(nothing) as url:
        pass
    with pytest.raises(IssuerUnavailable, match="ConnectError"):
        await KeysAtUrl(url, None, None)()


async def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    fetch = KeysInFile(file)
    with pytest.raises(IssuerUnavailable, match="No such file"):
        await fetch()
    file.write_bytes(b"keys")

    assert await fetch() == b"keys"


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("https://kubernetes.default.svc/openid/v1/jwks", True),
        ("http://127.0.0.1:8001/openid/v1/jwks", True),
        ("https://sso.example/jwks", False),
        ("https://svc.example/keys", False),
    ],
)
def test_the_proxy_is_for_what_is_outside(url: str, inside: bool) -> None:
    assert is_in_cluster(url) is inside
