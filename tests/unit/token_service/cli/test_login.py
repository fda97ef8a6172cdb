"""The device flow in a terminal."""

import asyncio
import json
from typing import Any

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.fakes.github import FakeGitHub
from token_service.cli.login import App, sign_in
from token_service.domain.answers import Answer
from token_service.domain.device_flow import LoginFailed
from token_service.domain.errors import GitHubUnavailable

pytestmark = pytest.mark.anyio

APP = App("client", "read:user", "https://github.test")


def ok(**body: Any) -> Answer:
    return Answer(200, {}, json.dumps(body).encode())


START = ok(
    device_code="secret-device-code",
    user_code="WDJB-MJHT",
    verification_uri="https://github.test/login/device",
    expires_in=60,
    interval=5,
)
PENDING = ok(error="authorization_pending")


class Terminal:
    """A sign-in with time moved by hand."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.clock = FakeClock()
        self.github = FakeGitHub(*answers)
        self.said: list[str] = []

    async def after(self, *seconds: float) -> str:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(sign_in(APP, self.github, self.clock, self.said.append))
            await settle()
            for step in seconds:
                await self.clock.advance(step)
        return task.result()


async def failed(terminal: Terminal, *seconds: float) -> str:
    with pytest.raises(ExceptionGroup) as raised:
        await terminal.after(*seconds)
    (error,) = raised.value.exceptions
    assert isinstance(error, LoginFailed)
    return str(error)


async def test_the_user_enters_the_code() -> None:
    terminal = Terminal(START, PENDING, ok(access_token="ghu_test"))

    assert await terminal.after(6, 6) == "ghu_test"
    assert [url for url, _ in terminal.github.posts] == [
        "https://github.test/login/device/code",
        "https://github.test/login/oauth/access_token",
        "https://github.test/login/oauth/access_token",
    ]
    shown = "\n".join(terminal.said)
    assert "WDJB-MJHT" in shown
    assert "https://github.test/login/device" in shown
    assert "secret-device-code" not in shown
    assert "ghu_test" not in shown


async def test_it_asks_no_sooner_than_github_wants() -> None:
    terminal = Terminal(START, PENDING, ok(access_token="ghu_test"))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(sign_in(APP, terminal.github, terminal.clock, print))
        await settle()
        await terminal.clock.advance(5)
        assert len(terminal.github.posts) == 1
        await terminal.clock.advance(20)
        await task


async def test_it_slows_down_when_told_to() -> None:
    terminal = Terminal(START, ok(error="slow_down", interval=20), ok(access_token="ghu_test"))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            sign_in(APP, terminal.github, terminal.clock, terminal.said.append)
        )
        await settle()
        await terminal.clock.advance(6)
        await terminal.clock.advance(20)
        assert len(terminal.github.posts) == 2
        await terminal.clock.advance(1)
        assert await task == "ghu_test"


async def test_a_network_hiccup_does_not_end_the_sign_in() -> None:
    terminal = Terminal(START, GitHubUnavailable("no connection"), ok(access_token="ghu_test"))

    assert await terminal.after(6, 6) == "ghu_test"
    assert "no connection; trying again" in terminal.said


@pytest.mark.parametrize(
    ("error", "text"),
    [("expired_token", "expired"), ("access_denied", "refused in the browser")],
)
async def test_a_bad_end_ends_it(error: str, text: str) -> None:
    """Others poll for ever here (copilot-upstream.md §2.2)."""
    terminal = Terminal(START, ok(error=error))

    assert text in await failed(terminal, 6)


async def test_it_ends_by_itself_when_the_time_is_up() -> None:
    terminal = Terminal(START, *[PENDING] * 20)

    assert "expired" in await failed(terminal, 60)


async def test_a_sign_in_that_cannot_be_opened() -> None:
    terminal = Terminal(GitHubUnavailable("no connection"))

    assert "no connection" in await failed(terminal)
