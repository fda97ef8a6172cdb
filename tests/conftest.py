"""Fixtures for every test; no logic."""

import signal
from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

# No test is timed, and each walks the same examples every time.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full-size`: the acceptance runs as big as the issues say; see `make help`."""
    parser.addoption("--full-size", action="store_true", help="acceptance runs at full size")


def pytest_configure() -> None:
    """Whoever runs the suite in the background of a shell has Ctrl-C ignored; its children obey.

    What is ignored stays so in the programs a process starts; what has a handler does not.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
