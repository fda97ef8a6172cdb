"""The signals that end a process can be awaited; the second one is the hard way."""

import asyncio
import os
import signal

import pytest

from runtime.signals import RELOAD_SIGNAL, STOP_SIGNALS, stop_signal

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("signum", [*STOP_SIGNALS, RELOAD_SIGNAL])
async def test_each_stop_signal_is_returned(signum: signal.Signals) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(stop_signal())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signum)
        assert await waiting == signum


async def test_a_service_that_reloads_does_not_end_for_sighup() -> None:
    """Not even while it ends: calls under way are still being finished then."""
    asked = asyncio.Semaphore(0)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(stop_signal(asked.release))
        await asyncio.sleep(0)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
            await asked.acquire()
        assert not waiting.done()
        os.kill(os.getpid(), signal.SIGTERM)
        assert await waiting == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGHUP)
        await asked.acquire()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


async def test_the_handlers_are_there_only_while_somebody_waits() -> None:
    signals = (*STOP_SIGNALS, RELOAD_SIGNAL)
    before = [signal.getsignal(signum) for signum in signals]
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(stop_signal())
        await asyncio.sleep(0)
        assert [signal.getsignal(signum) for signum in signals] != before
        waiting.cancel()
    after = [signal.getsignal(signum) for signum in signals]
    assert after == [signal.SIG_DFL, signal.default_int_handler, signal.SIG_DFL]
