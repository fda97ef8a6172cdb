"""The simulator's command: its banner, its end, its exit codes."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.simulator.raw_client import connect, listen
from tests.servers.ports import free_ports
from tests.servers.process import ROOT, clean_environment
from tests.servers.simulator import Simulator


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_it_says_what_it_is_and_ends_cleanly_on_sigterm() -> None:
    with Simulator() as simulator:
        assert simulator.process.terminate() == 0
        assert simulator.process.output() == (
            f"simulator: pretending to be GitHub and Copilot on {simulator.base_url} "
            "(nothing here is real)\n"
        )


def test_answers_under_way_do_not_hold_up_its_end() -> None:
    with Simulator() as simulator:
        simulator.faults({"match": {"endpoint": "chat"}, "stall": {"after_events": 2}})
        with connect(simulator.port) as connection:
            listen(connection, enough=b"assistant")
            assert simulator.process.terminate() == 0


def test_taken_port_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = run("--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"simulator: cannot listen on 127.0.0.1:{port}: address already in use\n"
    )


def test_bad_scenario_is_every_problem_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("nonsense: 1\nfaults: [{refusals: unicorn}]\n")
    done = run("--port", str(free_ports(1)[0]), "--scenario", str(path))
    assert done.returncode == 2
    assert set(done.stderr.splitlines()) == {
        f"{path}: nonsense: no such setting",
        f"{path}: faults[0].refusals: no such setting; did you mean 'refusal'?",
    }


@pytest.mark.parametrize(
    "arguments", [(), ("--port", "0"), ("--port", "8090", "--capi-port", "nonsense=1")]
)
def test_wrong_arguments_are_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).returncode == 2
