"""Several processes of one service: started, watched, replaced, and ended in order.

The parent serves no caller. It passes signals on, owns the operators' port, and starts a worker
again that has ended or does not answer; the others go on. A worker whose parent is gone ends as if
it had been told to. Knows no service: what a worker runs is a command.
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import aiohttp

from runtime.exits import EXIT_CONFIGURATION, WorkersFailed
from runtime.logs import fields
from runtime.metrics_sum import Join, growing, summed

log = logging.getLogger("runtime.workers")

LOOK_SECONDS = 0.5
ASK_SECONDS = 5.0
"""For a worker to answer on its socket; one whose loop is stuck does not."""
STUCK_SECONDS = 30.0
"""Without an answer for this long a worker is replaced."""
SOON_SECONDS = 10.0
"""A worker that ends so soon after its start ended because of it."""
LONGEST_PAUSE_SECONDS = 30.0


class Worker:
    """One place for a process, and the process in it."""

    def __init__(self, number: int, command: Sequence[str], socket: Path) -> None:
        self.number = number
        self.socket = socket
        self._command = (*command, "--worker", str(number), "--ops-socket", str(socket))
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._scrape = ""
        self.is_ready = False
        self.answered_at = 0.0

    async def start(self) -> None:
        """Start a process here; its end is seen by `wait`."""
        self.socket.unlink(missing_ok=True)
        self.is_ready = False
        self.answered_at = _now()
        # Its standard input ends when this process does, however that is.
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=subprocess.PIPE, start_new_session=True
        )

    async def wait(self) -> int:
        """Until the process ends; its exit code."""
        assert self._process is not None  # noqa: S101  it was started
        code = await self._process.wait()
        self.is_ready = False
        await self._forget_session()
        return code

    def signal(self, signum: signal.Signals) -> None:
        """Send the process a signal, if there is one."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signum)

    async def look(self) -> None:
        """Whether it is ready. Raises nothing."""
        status, _ = await self._ask("/readyz")
        if status:
            self.answered_at = _now()
            self.is_ready = status == 200

    async def metrics(self) -> str:
        """Its scrape; without an answer what it had counted by the last one."""
        status, body = await self._ask("/metrics")
        if status == 200:
            self._scrape = body
            return body
        return growing(self._scrape)

    def counted(self) -> str:
        """What the process that was here had counted by its last scrape; once."""
        counted, self._scrape = growing(self._scrape), ""
        return counted

    async def _ask(self, path: str) -> tuple[int, str]:
        """Status and body; 0 without an answer."""
        if self._session is None:
            connector = aiohttp.UnixConnector(str(self.socket))
            self._session = aiohttp.ClientSession(connector=connector)
        try:
            async with (
                asyncio.timeout(ASK_SECONDS),
                self._session.get(f"http://worker{path}") as it,
            ):
                return it.status, await it.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, ""

    async def _forget_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class Workers:
    """All workers of one service.

    command: of one worker, without what tells them apart. joins: see metrics_sum.summed.
    """

    def __init__(
        self, command: Sequence[str], count: int, directory: Path, joins: Mapping[str, Join]
    ) -> None:
        self._workers = [
            Worker(number, command, directory / f"worker-{number}.sock") for number in range(count)
        ]
        self._joins = joins
        # What workers had counted that have ended: a sum that falls looks like a restart of all.
        self._counted = ""
        self._is_ending = False
        self._was_ready = False

    @property
    def is_ready(self) -> bool:
        """Whether callers may come: from when all workers were ready, until the end begins."""
        self._was_ready = self._was_ready or all(each.is_ready for each in self._workers)
        return self._was_ready and not self._is_ending and any(w.is_ready for w in self._workers)

    async def metrics(self) -> bytes:
        """One scrape of all of them."""
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(each.metrics()) for each in self._workers]
        scrapes = [*(each.result() for each in asked), self._counted]
        return await asyncio.to_thread(summed, scrapes, self._joins)

    async def run(self) -> None:
        """Keep all of them running until `end`. Raises WorkersFailed when none can start."""
        async with asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(self._watch(each)) for each in self._workers]
            keeping = [tasks.create_task(self._keep(each)) for each in self._workers]
            await asyncio.wait(keeping)
            for task in watching:
                task.cancel()

    def pass_on(self, signum: signal.Signals) -> None:
        """Send all of them a signal."""
        for worker in self._workers:
            worker.signal(signum)

    def end(self, signum: signal.Signals) -> None:
        """Have all of them end in order; none is started again. A second time: at once."""
        self.pass_on(signal.SIGKILL if self._is_ending else signum)
        self._is_ending = True

    async def _keep(self, worker: Worker) -> None:
        pause = LOOK_SECONDS
        while not self._is_ending:
            began = _now()
            await worker.start()
            code = await worker.wait()
            self._counted = summed([self._counted, worker.counted()], {}).decode()
            if self._is_ending:
                return
            if not self._was_ready and code == EXIT_CONFIGURATION:
                self.end(signal.SIGTERM)
                raise WorkersFailed(code)
            log.error("a worker has ended: started again", extra=fields(n=worker.number, code=code))
            is_soon = _now() - began < SOON_SECONDS
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2) if is_soon else LOOK_SECONDS
            await asyncio.sleep(pause)

    async def _watch(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await worker.look()
            if _now() - worker.answered_at > STUCK_SECONDS:
                log.error("a worker does not answer: ended", extra=fields(n=worker.number))
                worker.answered_at = _now()
                worker.signal(signal.SIGKILL)


def end_with_parent(loop: asyncio.AbstractEventLoop) -> None:
    """In a worker: end in order when the parent is gone, which closes our standard input."""

    def look() -> None:
        try:
            if os.read(descriptor, 1):
                return
        except BlockingIOError:
            return
        loop.remove_reader(descriptor)
        os.kill(os.getpid(), signal.SIGTERM)

    descriptor = sys.stdin.fileno()
    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, look)


@contextlib.contextmanager
def passing_on(workers: Workers, signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Pass these signals on to the workers for the length of the block."""
    loop = asyncio.get_running_loop()
    for signum in signals:
        loop.add_signal_handler(signum, workers.pass_on, signum)
    try:
        yield
    finally:
        for signum in signals:
            loop.remove_signal_handler(signum)


def _now() -> float:
    return asyncio.get_running_loop().time()
