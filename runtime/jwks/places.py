"""Where a JWK Set is: behind a URL, or in a file. Each is called for its text.

Every failure becomes IssuerUnavailable, whose text names the place, without a URL's query, and
quotes nothing of an answer. A URL is asked by one bounded request without redirects, with this
configuration only and nothing from the environment.
"""

import asyncio
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from runtime.jwks.key_set import MOST_BYTES, IssuerUnavailable
from runtime.listening import is_loopback
from runtime.version import VERSION

TIMEOUT_SECONDS = 5.0
HEADERS = {
    "Accept": "application/jwk-set+json, application/json",
    # A compressed answer could be a thousand times MOST_BYTES before it is counted.
    "Accept-Encoding": "identity",
    "User-Agent": f"copilot-gateway/{VERSION}",
}


def is_in_cluster(url: str) -> bool:
    """Whether the URL names a service of the cluster, or this machine: no proxy leads there."""
    host = urlsplit(url).hostname or ""
    return is_loopback(host) or host.endswith((".svc", ".svc.cluster.local"))


class KeysAtUrl:
    """The JWK Set at a URL.

    proxy_url: leads there; None connects directly. ca_file: trusted besides the system's.
    """

    def __init__(self, url: str, proxy_url: str | None, ca_file: Path | None) -> None:
        self._url = url
        self._proxy_url = proxy_url
        self._place = url.partition("?")[0]
        self._trust = ssl.create_default_context()
        if ca_file is not None:
            self._trust.load_verify_locations(cafile=ca_file)

    async def __call__(self) -> bytes:
        """Its text. Raises IssuerUnavailable."""
        try:
            # httpx bounds each step; a peer that drips bytes would outlast all of them.
            async with asyncio.timeout(TIMEOUT_SECONDS), self._client() as client:
                return await self._read(client)
        except TimeoutError:
            raise self._failure("no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise self._failure(type(error).__name__) from None

    def _client(self) -> httpx.AsyncClient:
        # A new one for each reading, minutes apart: there is no connection worth keeping.
        return httpx.AsyncClient(
            headers=HEADERS,
            timeout=TIMEOUT_SECONDS,
            proxy=self._proxy_url,
            verify=self._trust,
            trust_env=False,
            follow_redirects=False,
        )

    async def _read(self, client: httpx.AsyncClient) -> bytes:
        async with client.stream("GET", self._url) as response:
            if response.status_code != httpx.codes.OK:
                raise self._failure(f"answered {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise self._failure("the answer is larger than any JWK Set")
            return bytes(body)

    def _failure(self, explanation: str) -> IssuerUnavailable:
        return IssuerUnavailable(f"{self._place}: {explanation}")


class KeysInFile:
    """The JWK Set in a file, which is read anew each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __call__(self) -> bytes:
        """Its text. Raises IssuerUnavailable."""
        try:
            return await asyncio.to_thread(_read, self._path)
        except OSError as error:
            raise IssuerUnavailable(f"{self._path}: {error.strerror}") from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES)
