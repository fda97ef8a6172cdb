"""The gateway's command line."""

from pathlib import Path

import pytest

from gateway.__main__ import main
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


def test_check_prints_every_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("listen: {port: x}\nlimts: {}\n")
    assert main(["--config", str(path), "--check"]) == 2
    printed = capsys.readouterr().err
    assert "3 problem(s)" in printed
    assert "did you mean 'limits'?" in printed
