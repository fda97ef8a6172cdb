"""deploy/Dockerfile: what makes the image small, the same every time, and nobody's root."""

import re
from pathlib import Path

import pytest

from tests.servers.image.dockerfile import DockerfileError, Stage, read
from tests.servers.process import ROOT

STAGES = read(ROOT / "deploy/Dockerfile")
LAST = STAGES[-1]


def copied() -> set[str]:
    """What comes out of this repository."""
    return {rest.split()[-2] for each in STAGES for rest in each.of("COPY") if "--from" not in rest}


def test_the_base_is_one_image_by_digest() -> None:
    (base,) = {each.base for each in STAGES}
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", base)


def test_packages_are_those_of_the_lock_by_hash_and_nothing_is_compiled() -> None:
    (installing,) = [run for each in STAGES for run in each.of("RUN") if "pip" in run.split()]
    assert "--require-hashes" in installing
    assert "--only-binary :all:" in installing
    assert installing.endswith("-r /build/runtime.txt")


def test_any_user_but_root_runs_python_itself() -> None:
    assert list(LAST.of("USER")) == ["10001:10001"]
    assert LAST.command[0] == "python"
    assert LAST.environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_docker_gets_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == copied()
    assert all((ROOT / each).exists() for each in copied())


def test_what_a_package_needs_beside_code_is_copied_too() -> None:
    """Scripts of the store, and the ledger's migrations, lie in the packages."""
    assert {"gateway", "token_service", "runtime", "protos", "token_client"} < copied()
    assert not copied() & {"simulator", "tests", "tools", "bench", "deploy"}


def test_an_entrypoint_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text('FROM x AS y\nRUN a \\\n  && b\nENTRYPOINT ["sh"]\n')
    with pytest.raises(DockerfileError, match="ENTRYPOINT"):
        read(path)


def test_a_continued_line_is_one_instruction() -> None:
    assert isinstance(LAST, Stage)
    assert [each.split("=")[0] for each in LAST.of("ENV")] == ["PATH"]
    assert {"PATH", "PYTHONPATH"} <= LAST.environment.keys()
