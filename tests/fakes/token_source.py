"""The TokenSource port as tests script it."""

import asyncio
import itertools
from collections import deque

from token_service.domain.credentials import Strategy
from token_service.domain.tokens import Account, Grant


def grant(value: str = "copilot-token", life: float = 1800.0, refresh_in: float = 1500.0) -> Grant:
    """A grant like an exchange's."""
    return Grant(
        value=value,
        strategy=Strategy.EXCHANGE,
        api_base_url="https://api.individual.githubcopilot.com",
        headers={"User-Agent": "copilot-gateway/test"},
        life=life,
        refresh_in=refresh_in,
        expires_at=1_795_001_800.0,
        sku="plus",
    )


class FakeTokenSource:
    """Gives what was scripted, in order, and then new tokens; can be held back."""

    def __init__(self) -> None:
        self.calls = 0
        self.script: deque[Grant | Exception] = deque()
        self._numbers = itertools.count(1)
        self._open = asyncio.Event()
        self._open.set()

    def hold(self) -> None:
        """Let every call wait until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Let the waiting calls go on."""
        self._open.set()

    async def obtain(self, account: Account) -> Grant:
        self.calls += 1
        await self._open.wait()
        step = self.script.popleft() if self.script else grant(f"token-{next(self._numbers)}")
        if isinstance(step, Exception):
            raise step
        return step
