"""The gateway's command line."""

import os
from pathlib import Path

import pytest

from gateway.__main__ import _user_name, main
from tests.servers.process import ROOT


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
