"""The gateway's command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.__main__ import _user_name, main
from tests.servers.process import ROOT, clean_environment


def test_without_a_configuration_it_says_how_to_name_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    assert "--config" in capsys.readouterr().err


def test_a_missing_file_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path / "nope.yaml")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_check_says_that_the_sample_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(ROOT / "gateway.sample.yaml"), "--check"]) == 0
    assert capsys.readouterr().out.startswith("The configuration is valid.\n")


def test_who_gives_a_command_need_not_have_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user is any number."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)
    assert _user_name() == "uid 4000000001"


def test_check_prints_every_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("listen: {port: x}\nlimts: {}\n")
    assert main(["--config", str(path), "--check"]) == 2
    printed = capsys.readouterr().err
    assert "3 problem(s)" in printed
    assert "did you mean 'limits'?" in printed


LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("module", "needs_not"),
    [
        ("gateway.__main__", {"aiohttp", "grpc", "httpx", "redis", "sqlalchemy"}),
        ("gateway.commands.ledger", {"aiohttp", "grpc", "httpx", "redis"}),
        ("gateway.parent", {"grpc", "httpx", "redis", "sqlalchemy"}),
        ("gateway.bootstrap", {"httpx", "opentelemetry.sdk.trace"}),
        ("token_service.__main__", {"aiohttp", "grpc", "httpx", "redis"}),
    ],
)
def test_what_is_no_service_loads_little_of_it(module: str, needs_not: set[str]) -> None:
    """Or each command takes a second of CPU, and the parent of workers their memory."""
    said = subprocess.run(
        [sys.executable, "-c", LOADED, module],
        cwd=ROOT, env=clean_environment(), capture_output=True, check=True, text=True, timeout=60,
    )  # fmt: skip
    loaded = set(said.stdout.split())
    assert module in loaded
    assert not loaded & needs_not
