"""Fixtures for every test; no logic."""

from collections.abc import AsyncIterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full-size`: the acceptance runs as big as the issues say; see `make help`."""
    parser.addoption("--full-size", action="store_true", help="acceptance runs at full size")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Coroutine tests are marked `anyio` and run on asyncio (docs/decisions/0001)."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def one_event_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Keeps one event loop for all coroutine tests, as a service has one for all its calls.

    gRPC's poller remembers every loop it has served, and stumbles over those that are closed.
    """
    yield  # noqa: PT022  the loop lasts as long as the fixture does, so it must not end
