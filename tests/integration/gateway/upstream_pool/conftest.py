"""Both event loops: TLS, failed connections and failed writes are each loop's own code."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

Scene = Callable[[Path], Awaitable[None]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Scene], None]:
    """Runs a scene on a loop of its own, in a directory of its own."""

    async def bounded(scene: Scene) -> None:
        async with asyncio.timeout(30):
            await scene(tmp_path)

    def run(scene: Scene) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(bounded(scene))

    return run
