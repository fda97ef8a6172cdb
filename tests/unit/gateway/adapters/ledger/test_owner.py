"""One gateway for a SQLite file."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.adapters.ledger.owner import LedgerTaken, claim

CLAIM = "import sys; from gateway.adapters.ledger.owner import claim; c = claim(sys.argv[1]); "
CRASHES = CLAIM + "c.__enter__(); import os; os._exit(1)"


def test_a_second_one_is_told_what_to_use(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/usage.db"
    with claim(url):
        with pytest.raises(LedgerTaken, match=r"usage\.db.*postgresql://.*store\.url"):
            with claim(url):
                pass
        with claim(f"sqlite:///{tmp_path}/other.db"):
            pass
    with claim(url):
        pass


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/usage.db"
    assert subprocess.run([sys.executable, "-c", CRASHES, url]).returncode == 1

    with claim(url):
        pass


def test_an_error_in_the_block_is_not_the_claims(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError):
        with claim(f"sqlite:///{tmp_path}/usage.db"):
            raise BlockingIOError


def test_a_server_is_for_all() -> None:
    url = "postgresql://u@db/usage"
    with claim(url), claim(url):
        pass


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerTaken, match="No such file or directory"):
        with claim(f"sqlite:///{tmp_path}/missing/usage.db"):
            pass
