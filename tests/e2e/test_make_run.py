"""`make run` with the real services: a first call, a clean end, and each kind of credential."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers.ports import free_ports
from tests.servers.process import ROOT, ServiceProcess, clean_environment
from tests.servers.supervisor import Supervisor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    return tmp_path / "temporary"


@pytest.fixture
def upstream() -> Iterator[str]:
    """A simulator somebody started by hand; its URL."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with ServiceProcess(["simulator", "--port", str(port)], f"{url}/_ping"):
        yield url


def run_line(line: str, directory: Path) -> str:
    """What a shell makes of the line, pasted as it stands; its standard output."""
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=directory,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def streamed_text(answer: str) -> str:
    """The text of a streamed chat answer. Fails unless it is whole."""
    events = [line.removeprefix("data: ") for line in answer.splitlines() if line]
    assert events[-1] == "[DONE]", answer
    choices = [choice for event in events[:-1] for choice in json.loads(event)["choices"]]
    assert len(choices) > 2, "not streamed"
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def ledger(url: str) -> list[dict[str, Any]]:
    """What the simulator was asked, oldest first, without the fixture's own pings."""
    found = httpx.get(f"{url}/_simulator/ledger", trust_env=False).raise_for_status().json()
    return [entry for entry in found if entry["endpoint"] != "ping"]


def fingerprint(credential: str, prefix: str) -> str:
    """How the simulator's ledger shows a credential."""
    return f"{prefix}…sha256:{hashlib.sha256(credential.encode()).hexdigest()[:12]}"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_printed_line_streams_an_answer_and_a_signal_leaves_nothing(
    temporary: Path, signum: signal.Signals
) -> None:
    environment = {"SIMULATOR": "1", "GH_TOKEN": "gho_not_to_be_used"}
    with Supervisor(ROOT, temporary, environment=environment) as run:
        line = run.wait_ready()
        assert "SIMULATOR" in run.output
        assert "simulated" in streamed_text(run_line(line, temporary))
        assert len(run.children) == 3
        assert run.end(signum) == 0
        assert run.left_behind() == []
        assert "gho_not_to_be_used" not in run.output
        assert "Traceback" not in run.output
        assert run.output.count("curl") == 1


def test_what_else_is_printed_is_true(temporary: Path) -> None:
    """The base URL and the key for SDKs, the models, the metrics."""
    with Supervisor(ROOT, temporary) as run:
        run.wait_ready()
        base_url, key = run.wait_for(r"base URL (\S+), API key (\S+)$").groups()
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(trust_env=False, timeout=20) as client:
            models = client.get(f"{base_url}/models", headers=headers).raise_for_status().json()
            assert "gpt-4o-mini" in {model["id"] for model in models["data"]}
            for url in run.wait_for(r"^Metrics: +(\S+) \(gateway\), (\S+) \(token_").groups():
                assert "# TYPE" in client.get(url).raise_for_status().text
        assert run.end(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("credential", "prefix", "scheme"),
    [
        ("ghu_simulated_octocat", "ghu_", "exchange"),
        ("gho_simulated_octocat", "gho_", "direct"),
        ("github_pat_simulated", "github_pat_", "direct"),
    ],
)
def test_each_kind_of_credential_is_used_as_its_strategy_says(
    temporary: Path, upstream: str, credential: str, prefix: str, scheme: str
) -> None:
    """copilot-upstream.md §2.4: ghu_ is exchanged; the others go upstream and nowhere else."""
    arguments = ["--upstream-url", upstream, "--integration-id", "copilot-developer-cli"]
    environment = {"GITHUB_TOKEN": credential}
    with Supervisor(ROOT, temporary, arguments, environment) as run:
        line = run.wait_ready()
        assert f"Using GITHUB_TOKEN, {'the' if prefix == 'ghu_' else 'a'}" in run.output
        assert f"({prefix}): strategy {scheme}, against {upstream}." in run.output
        assert "simulated" in streamed_text(run_line(line, temporary))
        assert run.end(signal.SIGINT) == 0
        assert credential not in run.output
    asked = [
        (entry["endpoint"], entry["headers"].get("authorization", ""))
        for entry in ledger(upstream)
        # Which endpoints a model has is asked for with the same token as the answer, and what is
        # left of the account's quotas on the side.
        if entry["endpoint"] not in ("models", "user_info")
    ]
    shown = fingerprint(credential, prefix)
    if scheme == "exchange":
        (exchange, chat) = asked
        assert exchange == ("exchange", f"token {shown}")
        assert chat[0] == "chat"
        assert chat[1].startswith("Bearer tid=")
    else:
        assert asked == [("chat", f"Bearer {shown}")]


def test_a_classic_token_is_refused_before_anything_starts(temporary: Path, upstream: str) -> None:
    """Copilot refuses the kind (copilot-upstream.md §2.4)."""
    environment = {"COPILOT_GITHUB_TOKEN": "ghp_simulated"}
    with Supervisor(ROOT, temporary, ["--upstream-url", upstream], environment) as run:
        assert run.ended() == 1
        assert run.output.startswith("error: COPILOT_GITHUB_TOKEN holds a classic personal")
        assert "starting" not in run.output
    assert ledger(upstream) == []


def test_a_second_run_beside_the_first_is_told_about_every_port(temporary: Path) -> None:
    with Supervisor(ROOT, temporary) as first:
        first.wait_ready()
        with Supervisor(ROOT, temporary, ports=first.ports) as second:
            assert second.ended() == 1
            assert second.output.count(" is in use; another: --") == len(first.ports)
        assert first.end(signal.SIGINT) == 0
        assert first.left_behind() == []


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_a_fresh_checkout_needs_nothing_but_make_run(tmp_path: Path, temporary: Path) -> None:
    """Installs the runtime lock, so it needs the package index that pip is configured for."""
    checkout = tmp_path / "checkout"
    copy_working_tree(checkout)
    with Supervisor(checkout, temporary, through_make=True) as run:
        line = run.wait_ready()
        assert run.output.startswith("installing ")
        assert "first time only" in run.output.splitlines()[0]
        assert "simulated" in streamed_text(run_line(line, temporary))
        assert run.press_ctrl_c() == -signal.SIGINT
        assert "Error" not in run.output
        assert run.left_behind() == []
    assert not (checkout / ".venv" / "bin" / "pytest").exists()


def copy_working_tree(target: Path) -> None:
    """The files git would commit, as they are now."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
