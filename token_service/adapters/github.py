"""GitHub over httpx: one request, one bounded answer, no redirects.

Knows no endpoint. Every error of the library's becomes GitHubUnavailable by one table; the
texts say what an operator can do and never quote the request.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from token_service.domain.answers import Answer
from token_service.domain.errors import GitHubUnavailable

# An exchange's answer is about 2 KiB (copilot-upstream.md §3.2); the closest peer stops here too.
MOST_BODY_BYTES = 64 * 1024

# The first row whose class the error has. Every exception of httpx's is under one of them.
ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, "no connection to GitHub in time"),
    (httpx.TimeoutException, "GitHub did not answer in time"),
    (httpx.ProxyError, "the proxy refused the connection to GitHub; see egress.proxy_url"),
    (httpx.ConnectError, "no connection to GitHub: not reachable, or its certificate is refused"),
    (httpx.NetworkError, "the connection to GitHub broke"),
    (httpx.ProtocolError, "GitHub's answer is not HTTP"),
    (httpx.DecodingError, "GitHub's answer cannot be decompressed"),
    (httpx.UnsupportedProtocol, "GitHub's URL has a scheme that cannot be used"),
    (httpx.InvalidURL, "GitHub's URL cannot be used"),
    (httpx.HTTPError, "GitHub cannot be used at the moment"),
    (httpx.StreamError, "GitHub's answer could not be read"),
    (httpx.CookieConflict, "GitHub's answer could not be read"),
)

HTTPX_ERRORS = tuple(kind for kind, _ in ERRORS)


def client(
    timeout_seconds: float, user_agent: str, proxy_url: str | None, ca_file: str | None
) -> httpx.AsyncClient:
    """The HTTP client for GitHub: this configuration only, nothing from the environment."""
    return httpx.AsyncClient(
        # A compressed answer could be a thousand times MOST_BODY_BYTES before it is counted.
        headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
        timeout=timeout_seconds,
        proxy=proxy_url,
        verify=_trust(ca_file),
        trust_env=False,
        follow_redirects=False,
    )


def _trust(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class HttpxGitHub:
    """The GitHub port; the client is opened and closed by whoever made it."""

    def __init__(self, client: httpx.AsyncClient, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds

    async def get(self, url: str, headers: dict[str, str]) -> Answer:
        return await self._send("GET", url, headers)

    async def post_form(self, url: str, fields: dict[str, str]) -> Answer:
        return await self._send("POST", url, {"Accept": "application/json"}, data=fields)

    async def post_json(
        self, url: str, headers: dict[str, str], content: Mapping[str, Any]
    ) -> Answer:
        return await self._send("POST", url, headers, json=dict(content))

    async def _send(self, method: str, url: str, headers: dict[str, str], **body: Any) -> Answer:
        try:
            # httpx bounds each step; a peer that drips bytes would outlast all of them.
            async with asyncio.timeout(self._timeout_seconds):
                return await self._exchange(method, url, headers, body)
        except TimeoutError as error:
            raise GitHubUnavailable("GitHub did not answer in time") from error
        except HTTPX_ERRORS as error:
            raise translate(error) from error

    async def _exchange(
        self, method: str, url: str, headers: dict[str, str], body_of: Mapping[str, Any]
    ) -> Answer:
        request = self._client.build_request(method, url, headers=headers, **body_of)
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BODY_BYTES:
                    raise GitHubUnavailable("GitHub's answer is larger than any of its kind")
        finally:
            await response.aclose()
        names = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, names, bytes(body))


def translate(error: Exception) -> GitHubUnavailable:
    """Our error for one of httpx's."""
    text = next(text for kind, text in ERRORS if isinstance(error, kind))
    return GitHubUnavailable(text, detail=type(error).__name__)
