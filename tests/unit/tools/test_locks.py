"""The locks are checked against pyproject.toml without asking any index."""

import pytest

from tests.servers.process import ROOT
from tools.locks import DEV, RUNTIME, check, read_lock

PYPROJECT = """
[project]
dependencies = ["alpha>=1.2", "Beta_B[extra]>=2; sys_platform != 'win32'"]
[project.optional-dependencies]
dev = ["gamma"]
"""
HASH = "    --hash=sha256:" + "a" * 64
ALPHA = f"alpha==1.3 \\\n{HASH}\n    # via copilot-gateway (pyproject.toml)\n"
BETA = f"beta-b==2.0 ; sys_platform != 'win32' \\\n{HASH} \\\n{HASH[:-1]}b\n"
GAMMA = f"gamma==0.1 \\\n{HASH}\n"


def test_locks_that_fit_have_no_problem() -> None:
    assert check(PYPROJECT, ALPHA + BETA, ALPHA + BETA + GAMMA) == []


def test_this_repositorys_locks_fit() -> None:
    texts = [(ROOT / name).read_text() for name in ("pyproject.toml", RUNTIME, DEV)]
    assert check(texts[0], texts[1], texts[2]) == []
    assert len(read_lock(texts[1])) > 20


@pytest.mark.parametrize(
    ("runtime", "dev", "problem"),
    [
        (ALPHA, ALPHA + GAMMA, f"{RUNTIME}: Beta_B is missing"),
        (ALPHA + BETA, ALPHA + BETA, f"{DEV}: gamma is missing"),
        (
            ALPHA.replace("1.3", "1.1") + BETA,
            ALPHA + BETA + GAMMA,
            f"{RUNTIME}: alpha==1.1 is not >=1.2",
        ),
        ("alpha==1.3\n" + BETA, ALPHA + BETA + GAMMA, f"{RUNTIME}: alpha has no hashes"),
        (
            ALPHA + BETA,
            ALPHA.replace("1.3", "1.4") + BETA + GAMMA,
            f"{DEV}: alpha is not as in {RUNTIME}",
        ),
        (
            ALPHA + BETA,
            ALPHA.replace("a" * 64, "b" * 64) + BETA + GAMMA,
            f"{DEV}: alpha is not as in {RUNTIME}",
        ),
        (
            "--index-url https://packages.example/simple\n" + ALPHA + BETA,
            ALPHA + BETA + GAMMA,
            f"{RUNTIME}:1: not a pinned package",
        ),
        (ALPHA + BETA, ALPHA + BETA + GAMMA + "-e .\n", f"{DEV}:9: not a pinned package"),
    ],
)
def test_each_drift_is_named(runtime: str, dev: str, problem: str) -> None:
    assert problem in check(PYPROJECT, runtime, dev)
