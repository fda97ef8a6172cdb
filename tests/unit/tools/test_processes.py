"""One process under the supervisor: how it is ended, and what is kept of its output."""

import os
import sys
import time
from pathlib import Path

import pytest

from tools.processes import LAST_LINES, MAX_LINE_BYTES, Child, Command

# Ends by itself after half a minute, so that a broken test does not leave it behind.
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); "
SLEEP = "time.sleep(30)"


class Terminal:
    """Keeps the lines said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def child(code: str, terminal: Terminal, stop_seconds: float = 25.0) -> Child:
    command = Command(
        name="sample",
        arguments=[sys.executable, "-c", code],
        environment=os.environ,
        directory=Path.cwd(),
        ready_port=1,
        ready_path="/",
        stop_seconds=stop_seconds,
    )
    return Child(command, terminal.say)


def wait_until_up(process: Child) -> None:
    while "up" not in process.last_lines():
        assert process.exit_code is None
        time.sleep(0.01)


def never() -> bool:
    return False


@pytest.mark.parametrize(
    ("stop_seconds", "urgent", "in_time"), [(0.0, False, False), (60.0, True, True)]
)
def test_a_process_that_does_not_listen_is_killed(
    stop_seconds: float, urgent: bool, in_time: bool
) -> None:
    """When its time is over, and at once when it is urgent; only the first is worth a word."""
    process = child(DEAF + SLEEP, Terminal(), stop_seconds)
    wait_until_up(process)
    assert process.stop(lambda: urgent) is in_time
    assert process.exit_code == -9


def test_a_process_that_listens_ends_by_itself() -> None:
    code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(5)); print('up'); "
    process = child(code + SLEEP, Terminal())
    wait_until_up(process)
    assert process.stop(never) is True
    assert process.exit_code == 5


def test_a_process_that_has_ended_can_be_stopped_again() -> None:
    process = child("", Terminal())
    for _ in range(2):
        assert process.stop(never) is True
    assert process.exit_code is not None


def test_only_the_last_lines_are_kept_and_each_is_bounded() -> None:
    terminal = Terminal()
    code = f"print('x' * {MAX_LINE_BYTES + 10}); [print(n) for n in range({LAST_LINES} + 5)]"
    process = child(code, terminal)
    while process.exit_code is None:
        time.sleep(0.01)
    assert process.last_lines() == [str(n) for n in range(5, LAST_LINES + 5)]
    assert terminal.lines == []
    process.show()
    assert terminal.lines == [f"sample | {n}" for n in range(5, LAST_LINES + 5)]
    process.stop(never)
