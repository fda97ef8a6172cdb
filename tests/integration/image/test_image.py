"""The image of deploy/Dockerfile starts both services as any user, with a root nobody writes to."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.servers.cluster.sandbox import why_not
from tests.servers.image.build import Image, build
from tests.servers.image.running import Container
from tests.servers.ports import free_ports
from tests.servers.process import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no containers can be made here: {why_not()}"),
]
CONFIG = "/etc/service"
SERVICES = ["gateway", "token_service"]
LOOKING_ROUND = """
import errno, importlib.util
for path in ("/app/x", "/opt/venv/x", "/tmp/x", "/x"):
    try:
        open(path, "w")
        print("written", path)
    except OSError as error:
        if error.errno != errno.EROFS:
            print(path, error)
for module in ("simulator", "tests", "tools", "bench", "pytest", "pip"):
    if importlib.util.find_spec(module):
        print("there is", module)
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Image:
    """With --full-size its packages come from the index, as the Dockerfile says."""
    directory = tmp_path_factory.mktemp("image")
    directory.chmod(0o755)
    return build(directory, with_pip=request.config.getoption("--full-size"))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("gateway", "token-service"):
        text = (ROOT / f"{name}.sample.yaml").read_text()
        (tmp_path / f"{name.replace('-', '_')}.yaml").write_text(text)
    tmp_path.chmod(0o755)
    return tmp_path


def container(
    image: Image,
    files: Path,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
) -> Container:
    return Container(
        image, command, environment or {}, {CONFIG: files}, writable=["/var/lib/gateway"]
    )


def command(service: str, *more: str) -> list[str]:
    return ["python", "-m", service, "--config", f"{CONFIG}/{service}.yaml", *more]


@pytest.mark.parametrize("service", SERVICES)
def test_a_configuration_is_checked(image: Image, files: Path, service: str) -> None:
    with container(image, files, command(service, "--check")) as checking:
        assert checking.ended() == 0, checking.output()
        assert "onfiguration is valid" in checking.output()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_and_ends_as_the_first_process(
    image: Image, files: Path, service: str
) -> None:
    port, ops = free_ports(2)
    settings = {
        "gateway": {
            "GATEWAY__LISTEN__PORT": str(port),
            "GATEWAY__LISTEN__OPS_PORT": str(ops),
            "GATEWAY__USAGE__DATABASE_URL": "sqlite:////var/lib/gateway/usage.db",
            "GATEWAY__USAGE__JOURNAL_DIR": "/var/lib/gateway/journal",
            "GATEWAY__DRAIN__GRACE_SECONDS": "0",
        },
        "token_service": {
            "TOKEN_SERVICE__LISTEN__GRPC": f"127.0.0.1:{port}",
            "TOKEN_SERVICE__LISTEN__OPS": f"127.0.0.1:{ops}",
        },
    }
    with container(image, files, command(service), settings[service]) as running:
        running.ready(f"http://127.0.0.1:{ops}/readyz")
        assert running.terminate() == 0, running.output()


def test_the_images_own_command_says_what_it_needs(image: Image, files: Path) -> None:
    with container(image, files, image.stage.command) as running:
        assert running.ended() == 2
        assert "--config" in running.output()


def test_nothing_can_be_written_and_nothing_is_there_that_nobody_needs(
    image: Image, files: Path
) -> None:
    with container(image, files, ["python", "-c", LOOKING_ROUND]) as running:
        assert running.ended() == 0, running.output()
        assert running.output().split() == []


def test_what_runs_was_compiled_when_it_was_built(image: Image) -> None:
    for package in ("gateway", "token_service", "runtime"):
        assert list((image.root / "app" / package).rglob("__pycache__/*.pyc"))
