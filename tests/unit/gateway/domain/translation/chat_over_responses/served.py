"""OpenAI's own client with bytes for a server: its accumulators judge what a stream says."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from openai import OpenAI


@contextmanager
def served(stream: bytes) -> Iterator[OpenAI]:
    """A client whose every request is answered with this stream."""
    headers = {"content-type": "text/event-stream"}

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers=headers, content=stream)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    with OpenAI(api_key="k", base_url="http://gateway.test/v1", http_client=http) as client:
        yield client
