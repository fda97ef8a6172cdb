"""`login`: GitHub's device flow in a terminal.

Shows the code and the page on standard error, asks GitHub at the pace it wants until the user
is done, and hands back the credential. What an answer means is domain/device_flow's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from token_service.domain import device_flow
from token_service.domain.device_flow import DeviceCode, Granted, LoginFailed, Pending
from token_service.domain.errors import GitHubUnavailable
from token_service.ports.clock import Clock
from token_service.ports.github import GitHub

NO_CLIENT_ID = """\
error: login needs --client-id, and none is shipped: a sign-in is always one of some app.
Your choices:
  - the client id of an OAuth app or GitHub App of your own that GitHub lets use Copilot;
    the tokens of most apps cannot be exchanged, so set `strategy: direct` for its accounts
  - a credential you have already: put it into a file and name it as github_token_file
    (a token of an editor's sign-in, ghu_, works with `strategy: auto`)
  - a fine-grained personal access token with the permission Copilot Requests, with
    `strategy: direct`
Which apps your company may use is between it and GitHub."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class App:
    """The app whose sign-in this is, and where: web_url without a trailing slash."""

    client_id: str
    scope: str
    web_url: str


async def sign_in(app: App, github: GitHub, clock: Clock, say: Say) -> str:
    """The credential of whoever enters the code. Raises LoginFailed."""
    began = clock.monotonic()
    code = await _start(app, github)
    say(f"Open {code.verification_uri} and enter the code {code.user_code}")
    say(f"Waiting for you, up to {round(code.expires_in / 60)} minutes (Ctrl-C stops) ...")
    interval = code.interval
    while True:
        pause = device_flow.wait_before_poll(interval)
        if clock.monotonic() - began + pause >= code.expires_in:
            raise LoginFailed("the code has expired before it was entered; start again")
        await clock.sleep(pause)
        step = await _poll(app, github, code, interval, say)
        if isinstance(step, Granted):
            return step.credential
        interval = step.interval


async def _start(app: App, github: GitHub) -> DeviceCode:
    fields = device_flow.start_fields(app.client_id, app.scope)
    try:
        return device_flow.started(
            await github.post_form(app.web_url + device_flow.START_PATH, fields)
        )
    except GitHubUnavailable as error:
        raise LoginFailed(f"no sign-in could be opened: {error.message}") from error


async def _poll(
    app: App, github: GitHub, code: DeviceCode, interval: float, say: Say
) -> Pending | Granted:
    fields = device_flow.poll_fields(app.client_id, code)
    try:
        answer = await github.post_form(app.web_url + device_flow.POLL_PATH, fields)
    except GitHubUnavailable as error:
        # The user may be typing the code at this moment; the network may come back.
        say(f"{error.message}; trying again")
        return Pending(interval)
    return device_flow.polled(answer, interval)
