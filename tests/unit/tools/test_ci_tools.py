"""What a bare machine lacks is installed where that can be done, and nowhere else."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tools import ci_tools


class Machine:
    """A machine with some programs, which notes what is run."""

    def __init__(self, policy: Path) -> None:
        self.programs: set[str] = set()
        self.user = 0
        self.ran: list[tuple[str, ...]] = []
        self.policies: list[bool] = []
        self.is_offline = False
        self._policy = policy

    def run(self, command: Sequence[str], **options: object) -> None:
        self.ran.append(tuple(command))
        self.policies.append(self._policy.exists())
        if self.is_offline:
            raise subprocess.CalledProcessError(100, list(command))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    policy = tmp_path / "policy-rc.d"
    made = Machine(policy)
    monkeypatch.setattr(ci_tools, "START_POLICY", policy)
    monkeypatch.setattr(shutil, "which", lambda name: name if name in made.programs else None)
    monkeypatch.setattr(os, "geteuid", lambda: made.user)
    monkeypatch.setattr(subprocess, "run", made.run)
    yield made
    assert not policy.exists()


def test_it_is_installed_and_its_service_not_started(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.programs = {"apt-get"}
    assert ci_tools.main() == 0
    assert machine.ran == [("apt-get", "update"), ci_tools.INSTALL]
    assert machine.policies == [True, True]
    assert "is installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("programs", "user", "said"),
    [
        ({"apt-get", "prometheus", "promtool", "cc"}, 0, "are there"),
        ({"apt-get"}, 1000, "skipped"),
        (set(), 0, "skipped"),
    ],
)
def test_nothing_is_done_where_it_is_there_or_cannot_be(
    machine: Machine,
    capsys: pytest.CaptureFixture[str],
    programs: set[str],
    user: int,
    said: str,
) -> None:
    machine.programs, machine.user = programs, user
    assert ci_tools.main() == 0
    assert machine.ran == []
    assert said in capsys.readouterr().out


def test_without_a_network_nothing_fails(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.programs, machine.is_offline = {"apt-get"}, True
    assert ci_tools.main() == 0
    assert "could not be installed" in capsys.readouterr().out
