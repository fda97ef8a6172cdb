"""The client's wheel: what is in it, what it needs, and that it works with nothing else."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from runtime.version import VERSION
from tests.servers.process import ROOT, clean_environment

DECLARED = {"googleapis-common-protos", "grpcio", "protobuf"}
GENERATED = ROOT / "protos/token_service/v1"
USE_IT = """
import sys
sys.path[:0] = {paths!r}
import asyncio, json
from token_client.client import TokenClient
from token_client.errors import BrokerUnreachable

async def main():
    async with TokenClient("127.0.0.1:1", connect_seconds=0.1) as client:
        try:
            await client.get("seat-1")
        except BrokerUnreachable as error:
            return str(error)

print(json.dumps([asyncio.run(main()), sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "tools.client_wheel", str(directory)],
        cwd=ROOT,
        env=clean_environment(),
        check=True,
        capture_output=True,
        timeout=60,
    )
    (built,) = directory.glob("*.whl")
    return built


def metadata(wheel: Path) -> tuple[dict[str, list[str]], str]:
    """The headers of METADATA, and the long description."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("/METADATA")]
        message = Parser().parsestr(archive.read(name).decode())
    headers = {key: message.get_all(key, []) for key in message}
    return headers, str(message.get_payload())


def test_it_holds_the_client_and_the_rpc_and_no_other_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    modules = {path.name for path in (ROOT / "token_client").glob("*.py")}
    generated = {path.name for path in GENERATED.glob("token_service*")}
    assert {name.rpartition("/")[0] for name in names} == {
        "token_client",
        "protos/token_service/v1",
    }
    assert {Path(name).name for name in names} == modules | generated | {"py.typed"}


def test_it_says_what_it_is_and_needs_three_packages(wheel: Path) -> None:
    headers, description = metadata(wheel)
    assert (headers["Name"], headers["Version"]) == (["copilot-token-client"], [VERSION])
    needed = {canonicalize_name(Requirement(line).name) for line in headers["Requires-Dist"]}
    assert needed == DECLARED
    assert description == (ROOT / "token_client/README.md").read_text()


def test_it_accepts_no_package_older_than_what_its_code_was_generated_for() -> None:
    """The generated modules refuse to load with an older one."""
    project = tomllib.loads((ROOT / "token_client/pyproject.toml").read_text())["project"]
    least = {
        Requirement(line).name: next(iter(Requirement(line).specifier)).version
        for line in project["dependencies"]
    }
    grpc = (GENERATED / "token_service_pb2_grpc.py").read_text()
    protobuf = (GENERATED / "token_service_pb2.py").read_text()
    assert re.findall(r"GRPC_GENERATED_VERSION = '(.+)'", grpc) == [least["grpcio"]]
    assert re.findall(r"Protobuf Python Version: (.+)", protobuf) == [least["protobuf"]]


def test_it_works_with_nothing_but_what_it_declares(wheel: Path, tmp_path: Path) -> None:
    site, installed = tmp_path / "site", tmp_path / "installed"
    for name in needed_by(DECLARED):
        link(name, site)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    code = USE_IT.format(paths=[str(site), str(installed)])
    # -I, -S: neither this directory nor the packages of this environment can be imported.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, modules = json.loads(done.stdout)
    assert "did not answer" in said
    assert {"token_client.client", "google.rpc"} <= set(modules)
    assert not {"gateway", "runtime", "token_service", "aiohttp", "httpx", "pydantic"} & set(
        modules
    )


def needed_by(names: set[str]) -> set[str]:
    """These distributions and all that they need here."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting |= {canonicalize_name(requirement.name)} - found
    return found


def link(name: str, site: Path) -> None:
    """Put a distribution's files, and no others, on a path of their own."""
    for file in distribution(name).files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(Path(str(file.locate())))
