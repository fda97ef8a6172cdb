"""httpx behind the GitHub port."""

import inspect

import httpx
import pytest

from token_service.adapters import github
from token_service.adapters.github import ERRORS, MOST_BODY_BYTES, HttpxGitHub, translate
from token_service.domain.errors import GitHubUnavailable

pytestmark = pytest.mark.anyio


def errors_of_httpx() -> list[type[Exception]]:
    public = [getattr(httpx, name) for name in httpx.__all__]
    return [each for each in public if inspect.isclass(each) and issubclass(each, Exception)]


# A refused status is an answer, which raise_for_status would make an error; it is not called.
NEVER_RAISED = {httpx.HTTPStatusError}


@pytest.mark.parametrize("kind", errors_of_httpx())
def test_every_error_of_httpx_is_mapped(kind: type[Exception]) -> None:
    """A new error of the library's shows here before it reaches a caller."""
    assert issubclass(kind, github.HTTPX_ERRORS)


@pytest.mark.parametrize("kind", [row[0] for row in ERRORS])
def test_no_row_is_hidden_by_one_above(kind: type[Exception]) -> None:
    first = next(row for row, _ in ERRORS if issubclass(kind, row))

    assert first is kind


def test_a_translated_error_does_not_quote_the_request() -> None:
    error = translate(httpx.ConnectError("token ghu_secret at https://user:pw@proxy"))

    assert isinstance(error, GitHubUnavailable)
    assert "secret" not in error.message + error.detail
    assert error.detail == "ConnectError"


def github_answering(response: httpx.Response | Exception) -> HttpxGitHub:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        response.request = request
        return response

    client = httpx.AsyncClient(transport=httpx.MockTransport(handle), trust_env=False)
    return HttpxGitHub(client, timeout_seconds=5.0)


async def test_an_answer_is_a_value() -> None:
    response = httpx.Response(403, headers={"Retry-After": "7"}, content=b"{}")
    answer = await github_answering(response).get("https://api.github.test", {})

    assert (answer.status, answer.headers["retry-after"], answer.body) == (403, "7", b"{}")


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    """Or the credential would be sent to wherever it points."""
    response = httpx.Response(302, headers={"Location": "https://evil.example"})

    assert (await github_answering(response).get("https://api.github.test", {})).status == 302


async def test_a_body_is_read_up_to_a_bound() -> None:
    fits = httpx.Response(200, content=b"x" * MOST_BODY_BYTES)
    too_large = httpx.Response(200, content=b"x" * (MOST_BODY_BYTES + 1))

    assert len((await github_answering(fits).get("https://a.test", {})).body) == MOST_BODY_BYTES
    with pytest.raises(GitHubUnavailable, match="larger"):
        await github_answering(too_large).get("https://a.test", {})


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("x"),
        TimeoutError(),
    ],
)
async def test_no_answer_is_github_unavailable(error: Exception) -> None:
    with pytest.raises(GitHubUnavailable):
        await github_answering(error).post_form("https://a.test", {"a": "b"})


async def test_a_url_that_cannot_be_used_is_github_unavailable() -> None:
    with pytest.raises(GitHubUnavailable):
        await github_answering(httpx.Response(200)).get("https://a\x00b", {})


async def test_the_client_takes_nothing_from_the_environment() -> None:
    async with github.client(5.0, "copilot-gateway/1", proxy_url=None, ca_file=None) as made:
        assert made.trust_env is False
        assert made.follow_redirects is False
        assert made.timeout == httpx.Timeout(5.0)
        assert made.headers["User-Agent"] == "copilot-gateway/1"
        assert made.headers["Accept-Encoding"] == "identity"
