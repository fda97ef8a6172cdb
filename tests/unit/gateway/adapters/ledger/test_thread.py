"""The thread for SQL: order, deadlines, bounds, and that it keeps no process alive."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy.exc import OperationalError

from gateway.adapters.ledger import thread as threads
from gateway.adapters.ledger.thread import SqlThread
from gateway.ports.usage import LedgerDown

pytestmark = pytest.mark.anyio

HANGS = """
import asyncio, threading
from gateway.adapters.ledger.thread import SqlThread
from gateway.ports.usage import LedgerDown

async def main():
    thread = SqlThread()
    try:
        await thread.run(threading.Event().wait, 0.05)
    except LedgerDown as error:
        print(error)
    thread.close()

asyncio.run(main())
"""


@pytest.fixture
def thread() -> Iterator[SqlThread]:
    made = SqlThread()
    yield made
    made.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a job waits for."""
    made = threading.Event()
    yield made
    made.set()


async def test_jobs_run_in_their_order_in_one_thread(thread: SqlThread) -> None:
    seen: list[tuple[int, str]] = []

    def note(number: int) -> int:
        seen.append((number, threading.current_thread().name))
        return number

    results = await asyncio.gather(
        *(thread.run(partial(note, number), 5.0) for number in range(20))
    )

    assert results == list(range(20))
    assert seen == [(number, "ledger-sql") for number in range(20)]


async def test_who_waits_too_long_is_told_and_the_job_ends_unseen(
    thread: SqlThread, gate: threading.Event
) -> None:
    done = threading.Event()

    def job() -> None:
        gate.wait()
        done.set()

    with pytest.raises(LedgerDown, match=r"^TimeoutError$"):
        await thread.run(job, 0.02)
    gate.set()
    assert await thread.run(done.is_set, 5.0)


async def test_a_job_whose_asker_has_gone_is_not_begun(
    thread: SqlThread, gate: threading.Event
) -> None:
    begun: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(thread.run(gate.wait, 5.0))
        await asyncio.sleep(0)
        with pytest.raises(LedgerDown):
            await thread.run(lambda: begun.append(1), 0.02)
        gate.set()
        assert await first

    await thread.run(lambda: begun.append(2), 5.0)
    assert begun == [2]


async def test_no_more_jobs_wait_than_the_bound(
    thread: SqlThread, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def hang() -> None:
        begun.set()
        gate.wait()

    with pytest.raises(LedgerDown, match=r"^TimeoutError$"):
        # Longer than a thread takes to start, however busy the machine is.
        await thread.run(hang, 2.0)
    assert begun.is_set()
    for _ in range(threads.MOST_WAITING):
        with pytest.raises(LedgerDown, match=r"^TimeoutError$"):
            await thread.run(gate.wait, 0.001)
    with pytest.raises(LedgerDown, match=r"^Full$"):
        await thread.run(gate.wait, 0.001)

    gate.set()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await thread.run(gate.is_set, 5.0)
                break
            except LedgerDown:
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (OperationalError("SELECT secret", None, KeyError("secret")), "KeyError"),
        (ConnectionResetError("secret"), "ConnectionResetError"),
    ],
)
async def test_what_fails_in_the_database_is_named_and_not_quoted(
    thread: SqlThread, error: Exception, name: str
) -> None:
    def job() -> None:
        raise error

    with pytest.raises(LedgerDown, match=rf"^{name}$") as raised:
        await thread.run(job, 5.0)
    assert raised.value.__cause__ is raised.value.__context__ is None


async def test_a_mistake_of_ours_is_raised_as_it_is_and_the_thread_goes_on(
    thread: SqlThread,
) -> None:
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 / 0, 5.0)
    assert await thread.run(lambda: 1, 5.0) == 1


async def test_a_closed_one_takes_no_jobs(thread: SqlThread) -> None:
    thread.close()
    with pytest.raises(LedgerDown, match=r"^Closed$"):
        await thread.run(lambda: 1, 5.0)


def test_a_job_that_hangs_does_not_keep_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"TimeoutError\n", b"")
