"""Turns the signals that ask a process to end, or to read its configuration again, into events."""

import asyncio
import signal
from collections.abc import Callable

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
RELOAD_SIGNAL = signal.SIGHUP


async def stop_signal(reload: Callable[[], None] | None = None) -> signal.Signals:
    """Wait for the first stop signal and return it.

    reload: called for every SIGHUP, also while the process ends; without it, SIGHUP is a stop
    signal too. The handlers of the stop signals are removed at the end: a second one ends the
    process the hard way, which is what somebody who presses Ctrl-C twice means.
    """
    loop = asyncio.get_running_loop()
    received: asyncio.Future[signal.Signals] = loop.create_future()

    def receive(signum: signal.Signals) -> None:
        if not received.done():
            received.set_result(signum)

    stops = STOP_SIGNALS if reload is not None else (*STOP_SIGNALS, RELOAD_SIGNAL)
    if reload is not None:
        loop.add_signal_handler(RELOAD_SIGNAL, reload)
    for signum in stops:
        loop.add_signal_handler(signum, receive, signum)
    try:
        return await received
    finally:
        for signum in stops:
            loop.remove_signal_handler(signum)
