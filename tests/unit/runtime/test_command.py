"""Exit codes and error lines of `python -m SERVICE`."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_settings import SettingsConfigDict

from runtime.command import load_or_explain, run_service
from runtime.configuration import Document
from runtime.exits import EXIT_FAILED, EXIT_OK
from runtime.listening import ListenError
from tests.servers.process import ROOT

# A service that drains for ever; it says when it has begun to.
ENDLESS_DRAIN = """
import asyncio, sys
from runtime.command import run_service
from runtime.signals import stop_signal

async def main():
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(stop_signal())
        await asyncio.sleep(0)
        print("ready", flush=True)
        await waiting
        print("draining", flush=True)
        await asyncio.sleep(3600)

sys.exit(run_service(main))
"""


class Sample(Document):
    model_config = SettingsConfigDict(env_prefix="SAMPLE__")
    port: int = 1


def test_a_bad_configuration_is_explained_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sample.yaml"
    path.write_text("prot: 1\nport: x")
    assert load_or_explain(Sample, path) is None
    assert capsys.readouterr().err == (
        f"{path}: 2 problem(s) in the configuration:\n"
        "  - port: input should be a valid integer, unable to parse string as an integer\n"
        "  - prot: no such setting; did you mean 'port'?\n"
    )


def test_a_good_configuration_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sample.yaml"
    path.write_text("port: 2")
    assert load_or_explain(Sample, path) == Sample(port=2)
    assert capsys.readouterr() == ("", "")


def test_a_service_that_ends_by_itself_succeeded() -> None:
    async def main() -> None:
        await asyncio.sleep(0)

    assert run_service(main) == EXIT_OK


def test_addresses_in_use_are_lines_and_no_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def main() -> None:
        inner = ExceptionGroup("inner", [ListenError("listen.ops: cannot listen")])
        raise ExceptionGroup("outer", [ListenError("listen.grpc: cannot listen"), inner])

    assert run_service(main) == EXIT_FAILED
    lines = "error: listen.grpc: cannot listen\nerror: listen.ops: cannot listen\n"
    assert capsys.readouterr().err == lines


def test_one_address_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        raise ListenError("listen.port: cannot listen")

    assert run_service(main) == EXIT_FAILED
    assert capsys.readouterr().err == "error: listen.port: cannot listen\n"


def test_a_fault_of_ours_beside_a_taken_address_is_not_hidden() -> None:
    async def main() -> None:
        raise ExceptionGroup("both", [ListenError("taken"), LookupError("a bug")])

    with pytest.raises(ExceptionGroup, match="both"):
        run_service(main)


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_a_service_that_is_still_draining(first: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS_DRAIN],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(first)
        assert process.stdout.readline() == "draining\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == EXIT_FAILED
    finally:
        process.kill()
        process.communicate()
