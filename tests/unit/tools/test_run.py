"""The supervisor behind `make run`, over stand-ins for the three processes it starts.

The stand-ins answer their ready URLs and misbehave when told to by STAND_IN_<NAME>; each notes
its start and its end in a file, so that the order can be seen.
"""

import json
import shutil
import signal
import socket
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.servers.process import ROOT
from tests.servers.supervisor import WAIT_SECONDS, Supervisor, wait_until_gone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

STAND_IN = """
import json, os, signal, sys, time, yaml
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

name = Path(__file__).stem
told = os.environ.get("STAND_IN_" + name.upper(), "")

def note(word):
    with open("events", "a") as file:
        file.write(word + " " + name + "\\n")

if sys.argv[1:3] == ["keys", "new"]:
    print("id:     local")
    print("key:    key-for-tests")
    print("sha256: " + "0" * 64)
    sys.exit()

def port():
    if "--port" in sys.argv:
        return int(sys.argv[sys.argv.index("--port") + 1])
    path = Path(sys.argv[sys.argv.index("--config") + 1])
    files = [path.parent, *path.parent.iterdir()]
    modes = {each.name: oct(each.stat().st_mode & 0o777) for each in files}
    seen = {"environ": dict(os.environ), "modes": modes, "directory": path.parent.name}
    Path(name + ".seen").write_text(json.dumps(seen))
    listen = yaml.safe_load(path.read_text())["listen"]
    return listen["ops_port"] if name == "gateway" else int(listen["ops"].split(":")[1])

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if told == "unready" else 200)
        self.end_headers()
    def do_POST(self):
        print("last words", flush=True)
        os._exit(9)
    def log_message(self, *_):
        pass

def stop(*_):
    time.sleep(0.5 if told == "slow" else 0)
    note("ended")
    os._exit(0)

signal.signal(signal.SIGTERM, signal.SIG_IGN if told == "deaf" else stop)
note("started")
print("a word from", name, flush=True)
if told == "exit":
    print("cannot start because of the weather", flush=True)
    sys.exit(3)
HTTPServer(("127.0.0.1", port()), Handler).serve_forever()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with the real tools/ and a stand-in for each process."""
    root = tmp_path / "checkout"
    (root / "tools").mkdir(parents=True)
    for source in (ROOT / "tools").glob("*.py"):
        shutil.copy(source, root / "tools")
    for name in ("simulator", "token_service", "gateway"):
        (root / f"{name}.py").write_text(textwrap.dedent(STAND_IN))
    return root


def supervisor(root: Path, *arguments: str, **environment: str) -> Supervisor:
    return Supervisor(root, root.parent / "temporary", arguments, environment)


def events(root: Path) -> list[str]:
    return (root / "events").read_text().splitlines()


def wait_for_event(root: Path, event: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (root / "events").exists() or event not in events(root):
        assert time.monotonic() < deadline, f"no {event!r} in {events(root)}"
        time.sleep(0.02)


def break_token_service(run: Supervisor) -> None:
    """What the stand-in makes of a POST."""
    with socket.create_connection(("127.0.0.1", run.ports["token-service-ops"])) as caller:
        caller.sendall(b"POST / HTTP/1.0\r\n\r\n")
        caller.recv(1)  # nothing: it is gone


STARTED = ["started simulator", "started token_service", "started gateway"]
ENDED = ["ended gateway", "ended token_service", "ended simulator"]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_processes_start_in_order_and_end_in_reverse(root: Path, signum: signal.Signals) -> None:
    with supervisor(root) as run:
        run.wait_ready()
        assert len(run.children) == 3
        assert run.end(signum) == 0
        assert run.output.endswith("stopping gateway, token_service, simulator …\nstopped\n")
        assert run.left_behind() == []
    assert events(root) == STARTED + ENDED


def test_started_by_nohup_it_outlives_its_terminal(root: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited, as nohup does it
    try:
        with supervisor(root) as run:
            run.wait_ready()
            run.process.send_signal(signal.SIGHUP)
            break_token_service(run)
            assert run.ended() == 1, "it stopped for the signal"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_lines_of_a_process_carry_its_name(root: Path) -> None:
    with supervisor(root) as run:
        run.wait_ready()
        for name in ("simulator", "token_service", "gateway"):
            assert f"\n{name} | a word from {name}\n" in run.output


def test_files_are_private_and_the_credential_is_in_one_of_them_only(root: Path) -> None:
    with supervisor(root, GITHUB_TOKEN="gho_secret", GATEWAY__LISTEN__PORT="1") as run:
        run.wait_ready()
        assert "gho_secret" not in run.output
        assert "GATEWAY__LISTEN__PORT is ignored" in run.output
    assert events(root)[:2] == ["started token_service", "started gateway"]
    for name in ("token_service", "gateway"):
        seen = json.loads((root / f"{name}.seen").read_text())
        modes = seen["modes"]
        assert modes.pop(seen["directory"]) == "0o700"
        assert set(modes) == {"credential", "token-service.yaml", "gateway.yaml"}
        assert set(modes.values()) == {"0o600"}
        assert "gho_secret" not in seen["environ"].values()
        assert "GATEWAY__LISTEN__PORT" not in seen["environ"]


def test_a_process_that_ends_at_once_is_named_with_its_last_lines(root: Path) -> None:
    with supervisor(root, STAND_IN_TOKEN_SERVICE="exit") as run:
        assert run.ended() == 1
        assert (
            "error: token_service ended with code 3. Its last lines:\n"
            "  a word from token_service\n"
            "  cannot start because of the weather\n"
        ) in run.output
        assert run.left_behind() == []
    assert events(root) == [*STARTED[:2], "ended simulator"]


def test_a_process_that_dies_later_ends_the_others(root: Path) -> None:
    with supervisor(root) as run:
        run.wait_ready()
        break_token_service(run)
        assert run.ended() == 1
        assert "error: token_service ended with code 9. Its last lines:" in run.output
        assert "\n  last words\n" in run.output
        assert run.left_behind() == []
    assert events(root) == [*STARTED, "ended gateway", "ended simulator"]


def test_ctrl_c_while_starting_stops_what_was_started(root: Path) -> None:
    with supervisor(root, STAND_IN_TOKEN_SERVICE="unready") as run:
        run.wait_for("^starting token_service")
        wait_for_event(root, "started token_service")
        assert run.end(signal.SIGINT) == 0
        assert run.left_behind() == []
    assert events(root) == [*STARTED[:2], *ENDED[1:]]


def test_a_second_ctrl_c_kills_at_once(root: Path) -> None:
    with supervisor(root, STAND_IN_GATEWAY="deaf", STAND_IN_SIMULATOR="deaf") as run:
        run.wait_ready()
        run.process.send_signal(signal.SIGINT)
        run.wait_for("^stopping gateway")
        assert run.end(signal.SIGINT) == 1
        assert "took too long" not in run.output
        assert run.output.endswith("killed\n")
        assert run.left_behind() == []


def test_a_second_sigterm_changes_nothing(root: Path) -> None:
    """make passes its own SIGTERM on to a supervisor that may have had it from the group."""
    with supervisor(root, STAND_IN_GATEWAY="slow") as run:
        run.wait_ready()
        run.process.send_signal(signal.SIGTERM)
        run.wait_for("^stopping gateway")
        assert run.end(signal.SIGTERM) == 0
    assert events(root) == STARTED + ENDED


def test_a_killed_supervisor_leaves_no_process(root: Path) -> None:
    with supervisor(root, STAND_IN_GATEWAY="deaf") as run:
        run.wait_ready()
        run.process.kill()
        wait_until_gone(run.children)


def test_ports_in_use_are_told_at_once_and_nothing_is_started(root: Path) -> None:
    run = supervisor(root)
    with (
        socket.create_server(("127.0.0.1", run.ports["gateway"])),
        socket.create_server(("127.0.0.1", run.ports["token-service"])),
        run,
    ):
        assert run.ended() == 1
        assert f"{run.ports['gateway']} (gateway) is in use" in run.output
        assert f"{run.ports['token-service']} (token_service) is in use" in run.output
    assert not (root / "events").exists()


def test_a_credential_that_cannot_work_starts_nothing(root: Path) -> None:
    with supervisor(root, GH_TOKEN="ghp_secret") as run:
        assert run.ended() == 1
        assert run.output.startswith("error: GH_TOKEN holds a classic personal access token (ghp_)")
        assert "ghp_secret" not in run.output
    assert not (root / "events").exists()


def test_a_reader_that_goes_away_does_not_stop_it_from_stopping(root: Path) -> None:
    """`make run | head`: writing fails from then on."""
    with Supervisor(root, root.parent / "temporary", hang_up_after="starting gateway") as run:
        wait_for_event(root, "started gateway")
        assert run.end(signal.SIGTERM) == 0
        assert run.left_behind() == []
    assert events(root) == STARTED + ENDED
