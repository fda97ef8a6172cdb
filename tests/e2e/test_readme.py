"""What the README tells a newcomer to paste works, against the running pair."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.pair import Pair
from tests.servers.process import ROOT, clean_environment

DEFAULT_URL = "http://127.0.0.1:8080"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def block_with(language: str, words: str) -> str:
    (found,) = [block for block in blocks(language) if words in block]
    return found


def run(command: list[str], directory: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=directory,
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: install it to run this")
def test_the_curl_line_streams_an_answer(pair: Pair, tmp_path: Path) -> None:
    line = block_with("sh", "curl -N").replace(DEFAULT_URL, pair.base_url)
    printed = run(["sh", "-c", line], tmp_path, KEY=pair.key)
    assert printed.count("data: ") > 3
    assert printed.rstrip().endswith("data: [DONE]")


def test_the_sdk_example_prints_an_answer(pair: Pair, tmp_path: Path) -> None:
    code = block_with("python", "OpenAI(").replace(DEFAULT_URL, pair.base_url)
    assert len(code.splitlines()) < 10
    printed = run([sys.executable, "-c", f"KEY = {pair.key!r}\n{code}"], tmp_path)
    assert "simulated" in printed


def test_the_commands_to_run_it_for_others_work(tmp_path: Path) -> None:
    """All but `login`, which asks a person: its options are checked instead."""
    for name in ("token-service.sample.yaml", "gateway.sample.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    lines = block_with("sh", "--check").splitlines()
    assert len(lines) == 6
    for line in lines:
        command = line.partition("#")[0].replace("python ", f"{sys.executable} ")
        if "login" in command:
            command = command.replace("--client-id ID", "--client-id ID --help")
        run(["sh", "-c", command], tmp_path, PYTHONPATH=str(ROOT))
